"""A commit whose notes find no room: the snapshot exists, and what they told of is read anew and not sent again."""

import os
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from proofkeep.backup import commit, teaching
from proofkeep.catalog import database
from proofkeep.errors import StateFullError
from tests.building import Host, content, plant, planted_host
from tests.disks import BALLAST, fill, small_disk, temporary_files_on

RUN = bytes(range(16))
FILES, SIZE = 200, 20_000
PACKS_ONLY = 400_000
"""Bytes that packs and chunks of a run fit into, and notes of its files do not."""

pytestmark = pytest.mark.requires("mount", "umount", root=True)
Leave = Callable[[int], None]


@pytest.fixture
def host(scratch: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Host]:
    """A host with a snapshot, and many long files of little content since; their states are held on disk one by one."""
    monkeypatch.setattr(teaching, "_BATCH", 1)
    monkeypatch.setattr(database, "_SETUP", f"{database._SETUP} PRAGMA temp.cache_size=1;")
    host = planted_host(scratch)
    with small_disk(host.state_root, "16m"):
        host.run()
        plant(host.source, {f"long/{number}": content(1000 + number % 40, SIZE) for number in range(FILES)})
        yield host


@pytest.fixture
def leave(host: Host, monkeypatch: pytest.MonkeyPatch) -> Leave:
    """Called with the bytes that somebody else leaves on the disk of the state directory once the snapshot is there."""

    def leave(free: int) -> None:
        def taken(*given: Any) -> None:
            fill(host.state_root)
            os.truncate(ballast, ballast.stat().st_size - free)
            teaching.teach_run(*given)

        monkeypatch.setattr(commit, "teach_run", taken)

    ballast = host.state_root / BALLAST
    return leave


def run(host: Host) -> tuple[str, list[tuple[int, str, str]]]:
    """Its next snapshot, and what is said of notes that were dropped."""
    with capture_logs() as told:
        receipt = host.run()
    dropped = [event for event in told if event["event"] == "notes-dropped"]
    assert all((event["outcome"], event["entry"]) == ("failure", receipt.entry) for event in dropped)
    return receipt.snapshot, [(event["files"], event["code"], event["reason"]) for event in dropped]


def assert_read_anew(host: Host, snapshot: str) -> None:
    """The snapshot is whole; the next one reads again what its notes told of, stores nothing, and remembers it."""
    again, last = host.run(), host.run()
    assert host.ground.read_back(snapshot) == host.portrait()
    assert (again.totals["read_bytes"], again.totals["unchanged_files"]) == (FILES * SIZE, 7)
    assert (again.totals["new_chunks"], again.totals["stored"]) == (0, 0)
    assert last.totals["read_bytes"] == 0
    assert host.ground.findings() == []


@pytest.mark.parametrize(
    "room, code, reason",
    [
        ("64k", "state-full", "disk of the temporary files is full"),
        ("64k,nr_inodes=1", "state", "temporary files cannot be used: SQLITE_CANTOPEN"),
    ],
)
def test_disk_of_temporary_files_without_room_costs_the_notes_alone(
    host: Host, scratch: Path, room: str, code: str, reason: str
) -> None:
    with small_disk(scratch / "temporary", room) as place, temporary_files_on(place):
        snapshot, dropped = run(host)

    assert dropped == [(FILES, code, reason)]
    assert_read_anew(host, snapshot)


@pytest.mark.parametrize("beside", [False, True], ids=["elsewhere", "beside"])
def test_state_disk_with_room_for_packs_alone_costs_the_notes_alone(host: Host, leave: Leave, *, beside: bool) -> None:
    leave(PACKS_ONLY)

    with temporary_files_on(host.state_root) if beside else nullcontext():
        snapshot, dropped = run(host)

    (host.state_root / BALLAST).unlink()
    leave(2 << 20)
    full = "temporary files" if beside else "catalog"
    assert dropped == [(FILES, "state-full", f"disk of the {full} is full")]
    assert_read_anew(host, snapshot)


def test_retry_on_a_state_disk_that_has_room_again_commits_and_learns_the_notes(host: Host, leave: Leave) -> None:
    leave(0)
    for _ in range(2):
        with pytest.raises(StateFullError, match="disk of the catalog is full"):
            host.run(RUN)
    (host.state_root / BALLAST).unlink()
    leave(2 << 20)

    receipt = host.run(RUN)

    assert [snapshot.id.run for snapshot in host.ground.snapshots()][1:] == [RUN]
    assert host.ground.read_back(receipt.snapshot) == host.portrait()
    assert host.run().totals["read_bytes"] == 0
