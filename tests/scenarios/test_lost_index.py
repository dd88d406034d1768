"""Index objects that are lost: packs say themselves what they hold to who may open them, and nobody builds on them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from proofkeep import catalog as catalogs
from proofkeep.backup import drive
from proofkeep.errors import StoreDeniedError
from proofkeep.format.header import ObjectType
from proofkeep.snapshots import DataKeys
from proofkeep.snapshots.unindexed import learn_from_tables
from tests.building import NO_WAIT, Host, content, plant, plant_some, planted_host
from tests.decorating import WatchedStore
from tests.scenarios.test_missing_packs import pack_of

HARM: dict[str, Callable[[Path], object]] = {
    "gone": Path.unlink,
    "cut": lambda file: file.write_bytes(file.read_bytes()[:-1]),
    "another": lambda file: file.write_bytes(b"{}"),
}


@pytest.fixture
def host(scratch: Path) -> Host:
    """A host with two snapshots, the second of which needs packs of both runs."""
    host = planted_host(scratch)
    host.run()
    plant_some(host.source, files=2, seed=5)
    host.run()
    return host


def harm_index(host: Host, harm: Callable[[Path], object]) -> None:
    for name in host.ground.names("index/"):
        harm(host.ground.root / "store" / name)


@pytest.mark.parametrize("harm", HARM.values(), ids=HARM)
def test_snapshots_are_restored_without_any_index(host: Host, harm: Callable[[Path], object]) -> None:
    latest = host.ground.snapshots()[-1].id.short
    harm_index(host, harm)

    portrait, report = host.ground.restored(latest)

    assert report.intact
    assert portrait == host.portrait()


def test_pack_that_is_damaged_too_costs_its_own_files_only(host: Host) -> None:
    latest = host.ground.snapshots()[-1].id.short
    pack = pack_of(host, ObjectType.CONTENT_PACK)
    harm_index(host, Path.unlink)
    file = host.ground.root / "store" / pack.name
    file.write_bytes(file.read_bytes()[:-1])

    _, report = host.ground.restored(latest)

    assert {finding.code for finding in report.findings} == {"pack-missing"}
    assert 0 < len(report.findings) < 6


def test_no_new_snapshot_refers_to_a_pack_that_no_index_names(host: Host) -> None:
    harm_index(host, Path.unlink)
    host.state.catalog_file.unlink()
    repository = host.ground.connect()
    with host.catalog() as catalog:
        catalogs.refresh(repository, catalog, {})
        learned = learn_from_tables(
            repository, catalog, DataKeys(repository, [host.ground.unwrapping]), host.ground.packs()
        )
    before = set(host.ground.packs())

    receipt = host.run()

    assert learned == len(before)
    assert receipt.totals["new_bytes"] > 0
    assert receipt.packs == len(set(host.ground.packs()) - before)


def test_index_that_is_back_makes_its_packs_usable_again(host: Host) -> None:
    kept = {name: host.ground.store.get(name) for name in host.ground.names("index/")}
    test_no_new_snapshot_refers_to_a_pack_that_no_index_names(host)
    for name, body in kept.items():
        (host.ground.root / "store" / name).parent.mkdir(exist_ok=True)
        (host.ground.root / "store" / name).write_bytes(body)
    host.run()

    with host.catalog() as catalog:
        assert sum(catalog.usable_packs(None)) == len(host.ground.packs())


def test_host_that_may_not_open_packs_learns_nothing_from_them(host: Host) -> None:
    repository = host.ground.connect()
    harm_index(host, Path.unlink)
    host.state.catalog_file.unlink()
    with host.catalog() as catalog:
        findings = catalogs.refresh(repository, catalog, {})
        learned = learn_from_tables(
            repository, catalog, DataKeys(repository, [host.ground.wrapping]), host.ground.packs()
        )

    assert {finding.code for finding in findings} == {"object-missing"}
    assert learned == 0


@pytest.mark.parametrize("refused", ["ledger/", "snapshots/"])
def test_index_that_is_lost_between_two_attempts_of_a_run_is_put_back_by_the_second(host: Host, refused: str) -> None:
    run, before = bytes(range(16)), set(host.ground.names("index/"))
    plant(host.source, {"new": content(70, 9000)})

    def refusing(operation: str, name: str, call: Callable[[], Any]) -> Any:
        if operation == "put" and name.startswith(refused):
            raise StoreDeniedError(f"object {name}: not now")
        return call()

    stores = {name: WatchedStore(getattr(host.ground, name), refusing) for name in ("store", "ledger")}
    with pytest.raises(StoreDeniedError):
        host.run(run, repository=host.ground.connect(**stores))
    (lost,) = set(host.ground.names("index/")) - before
    host.ground.store.delete(lost)

    with host.backup(run) as backup:
        receipt = drive(backup, wait=NO_WAIT)

    assert {(finding.code, finding.subject) for finding in backup.findings} == {("object-missing", lost)}
    assert set(host.ground.names("index/")) == before | {lost}
    portrait, report = host.ground.restored(receipt.snapshot)
    assert (portrait, report.intact) == (host.portrait(), True)
    assert host.ground.findings() == []
    with host.backup() as later:
        drive(later, wait=NO_WAIT)
    assert later.findings == []
