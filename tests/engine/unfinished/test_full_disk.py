"""A state directory whose disk is full to the last block: what a run left there is listed, and can be given up."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from proofkeep.aftermath import left_by
from proofkeep.attempts import BACKUP
from proofkeep.errors import RunAbandonedError, StateFullError
from proofkeep.history import History
from proofkeep.unfinished import abandon, unfinished_runs
from tests.building import Host, content, plant, planted_host, small_frames
from tests.disks import BALLAST, fill, small_disk

RUN = bytes(range(16))

pytestmark = pytest.mark.requires("mount", root=True)


@pytest.fixture
def host(scratch: Path) -> Iterator[Host]:
    """A host whose run has sealed everything and sent nothing, and then something else took all the room."""
    host = planted_host(scratch)
    plant(host.source, {f"new/{number}": content(1000 + number, 20_000) for number in range(6)})
    with small_disk(host.state_root, "4m"):
        with small_frames(), host.backup(RUN) as backup:
            backup.begin()
            backup.checksum(backup.encrypt(backup.compress(backup.snapshot())), lambda _: None)
        with History(host.state_root) as history, history.recording(BACKUP, "place", ["entry"], RUN.hex()):
            pass
        fill(host.state_root)
        yield host


def spool(host: Host) -> list[Path]:
    return list((host.state.run(RUN) / "spool").iterdir())


def test_what_was_left_is_listed(host: Host) -> None:
    (left,) = unfinished_runs(host.state)

    told = left_by(host.state_root, RUN)

    assert (left.damaged, left.ended, left.waiting) == (False, True, len(spool(host)))
    assert told is not None
    assert told.sealed


def test_history_is_read_by_who_only_looks(host: Host) -> None:
    with pytest.raises(StateFullError):
        History(host.state_root)

    with History(host.state_root, briefly=True) as history:
        assert [attempt.run for attempt in history.attempts("place")] == [RUN.hex()]


def test_what_is_given_up_makes_the_room_to_note_it(host: Host) -> None:
    packs = len(spool(host))

    told = abandon(host.state_root, RUN.hex())

    assert (told.packs, told.damaged, spool(host)) == (packs, False, [])
    (host.state_root / BALLAST).unlink()
    with pytest.raises(RunAbandonedError):
        host.run(RUN)
    assert host.ground.read_back(host.run().snapshot) == host.portrait()


def test_spool_that_was_emptied_and_not_noted_is_sealed_anew(host: Host) -> None:
    for file in spool(host):
        file.unlink()
    (host.state_root / BALLAST).unlink()

    receipt = host.run(RUN)

    assert host.ground.read_back(receipt.snapshot) == host.portrait()
    assert host.ground.findings() == []
