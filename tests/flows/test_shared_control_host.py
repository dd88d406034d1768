"""Several inventories with one control host: their fleets never hold all of its runs while backups there wait."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from proofkeep.errors import InventoryError
from proofkeep.inventory import Inventory, parse
from tests.architecture.tree import ROOT
from tests.flows.conftest import PrefectSide
from tests.flows.inventories import Names, new_names, register
from tests.flows.running import client
from tests.flows.test_deploying import applied, held, planned


@pytest.fixture
def both(deployed: PrefectSide, tmp_path: Path) -> Iterator[tuple[Names, Names]]:
    """Names of two inventories, their blocks registered; what was deployed goes."""
    assert deployed.directory.is_dir()
    found = (new_names(ROOT), new_names(ROOT))
    for names in found:
        register(names, tmp_path)
    yield found
    with client() as api:
        for each in {each.id for names in found for each in held(names)}:
            api.delete_deployment(each)


def with_host_of(other: Names, names: Names, limit: int) -> Inventory:
    """The inventory of `names`, all of it on the other one's host, which lets so many runs at once through."""
    text = names.text.replace(f"host-{names.suffix}", f"host-{other.suffix}")
    assert "    limit: 2\n" in text
    return parse(text.replace("    limit: 2\n", f"    limit: {limit}\n", 1))


def test_second_fleet_of_a_control_host_is_refused_until_there_is_a_run_beside_both(both: tuple[Names, Names]) -> None:
    first, second = both
    applied(first.inventory())
    tight, roomy = (with_host_of(first, second, limit) for limit in (2, 3))

    refused = planned(tight).misfits
    with pytest.raises(InventoryError, match="does not fit this server: fleets of inventories example-"):
        applied(tight)
    untouched = held(second)
    applied(roomy)

    names = ", ".join(sorted(f"example-{each.suffix}" for each in both))
    (said,) = refused
    assert said == (
        f"fleets of inventories {names} take a run each of host host-{first.suffix} while they wait, and backups run "
        "there too: its limit has to be 3 at least, not 2"
    )
    assert untouched == []
    assert planned(first.inventory()).misfits == refused
    assert planned(with_host_of(first, first, 3)).misfits == []


def test_fleets_that_wait_for_other_hosts_alone_may_fill_their_control_host(both: tuple[Names, Names]) -> None:
    first, second = both
    nothing: dict[str, list[str]] = {"entries": []}
    applied(first.inventory().model_copy(update=nothing))

    assert planned(with_host_of(first, second, 2).model_copy(update=nothing)).misfits == []


def test_backups_of_another_inventory_count_too(both: tuple[Names, Names]) -> None:
    first, second = both
    applied(first.inventory())

    (refused,) = planned(with_host_of(first, second, 2).model_copy(update={"entries": []})).misfits

    assert refused.endswith("its limit has to be 3 at least, not 2")
