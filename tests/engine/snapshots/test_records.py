"""Records of many snapshots are listed without what is large in them."""

from pathlib import Path

import pytest

from proofkeep.errors import ObjectMissingError
from proofkeep.format.names import SnapshotId
from proofkeep.format.pack_set import Row, decode_packs
from proofkeep.snapshots import list_snapshots, read_packs
from tests.building import Ground, Host, content, plant


@pytest.fixture
def host(scratch: Path) -> Host:
    """Two runs, each with packs of its own."""
    host = Host(Ground(scratch / "ground"))
    for number in range(2):
        plant(host.source, {f"file{number}": content(number, 500)})
        host.run()
    return host


def test_packs_of_each_record_are_shown_once_and_read_again_when_asked_for(host: Host) -> None:
    repository = host.ground.connect()
    shown: list[tuple[SnapshotId, list[Row]]] = []

    found, findings = list_snapshots(repository, on_packs=lambda snapshot, packs: shown.append((snapshot, packs)))

    assert findings == []
    assert len(shown) == len(found) == 2
    assert {each.id: read_packs(repository, each.id) for each in found} == dict(shown)
    assert set(decode_packs(dict(shown)[found[-1].id])) <= set(host.ground.packs())


def test_packs_of_a_record_that_is_gone_since_are_not_guessed(host: Host) -> None:
    repository = host.ground.connect()
    found, _ = list_snapshots(repository)
    host.ground.store.delete(found[0].id.name)

    with pytest.raises(ObjectMissingError):
        read_packs(repository, found[0].id)
