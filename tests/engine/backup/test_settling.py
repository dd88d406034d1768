"""A change within one tick of the filesystem's clock leaves no trace in a file's times, and is not missed for ever."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from proofkeep.model import Node
from proofkeep.sources.directory import DirectorySource
from proofkeep.sources.node import SETTLING_NS
from proofkeep.sources.reading import FileReader
from tests.building import Host, content, planted_host

SECOND_NS = 10**9
TICK_NS = 1_700_000_000 * SECOND_NS


class CoarseSource(DirectorySource):
    """A filesystem on which everything happens within one tick, looked at some time after that tick began.

    `fresh` are the files that were touched in that tick, all by default; the others lie back long ago.
    """

    def __init__(self, root: Path, after_ns: int, fresh: set[bytes] | None = None) -> None:
        super().__init__(root, label="coarse", clock=lambda: TICK_NS + after_ns)
        self._after_ns = after_ns
        self._fresh = fresh

    def walk(self) -> Iterator[Node]:
        for node in super().walk():
            yield self._coarse(node)

    def open(self, node: Node) -> FileReader:
        exact = super().again(node)
        assert exact is not None
        return super().open(exact)

    def _coarse(self, node: Node) -> Node:
        settled = self._after_ns > SETTLING_NS or (self._fresh is not None and node.path not in self._fresh)
        return replace(node, mtime_ns=TICK_NS, ctime_ns=TICK_NS, settled=settled)


@pytest.fixture
def host(scratch: Path) -> Host:
    return planted_host(scratch)


def look(host: Host, after_ns: int, fresh: set[bytes] | None = None) -> tuple[int, str]:
    receipt = host.run(source=CoarseSource(host.source, after_ns, fresh))
    return receipt.totals["unchanged_files"], receipt.snapshot


@pytest.mark.parametrize("fresh", [None, {b"d0/f0"}])
def test_change_in_the_tick_in_which_the_file_was_read_is_seen_by_the_next_run(
    host: Host, fresh: set[bytes] | None
) -> None:
    look(host, SECOND_NS, fresh)
    changed = content(77, (host.source / "d0/f0").stat().st_size)
    (host.source / "d0/f0").write_bytes(changed)

    _, snapshot = look(host, 100 * SECOND_NS)

    assert host.ground.read_back(snapshot)[b"d0/f0"][-2] == host.portrait()[b"d0/f0"][-2]


def test_file_left_alone_for_long_enough_is_not_read_again(host: Host) -> None:
    first, _ = look(host, SECOND_NS)
    second, _ = look(host, 100 * SECOND_NS)

    third, _ = look(host, 200 * SECOND_NS)

    assert (first, second, third) == (0, 0, 7)


def settled(root: Path, now_ns: int) -> bool:
    (node,) = [node for node in DirectorySource(root, label="test", clock=lambda: now_ns).walk() if node.path == b"f"]
    return node.settled


@pytest.mark.parametrize("later_ns, due", [(0, False), (SETTLING_NS, False), (SETTLING_NS + 1, True), (-1, False)])
def test_file_settles_when_its_times_lie_back_far_enough(tmp_path: Path, later_ns: int, *, due: bool) -> None:
    (tmp_path / "f").touch()

    assert settled(tmp_path, (tmp_path / "f").stat().st_ctime_ns + later_ns) is due


@pytest.mark.parametrize(
    "of_mtime, due", [(-SECOND_NS, False), (0, False), (SECOND_NS, False), (3600 * SECOND_NS, True)]
)
def test_modification_time_near_now_is_one_that_a_change_could_get(tmp_path: Path, of_mtime: int, *, due: bool) -> None:
    (tmp_path / "f").touch()
    now = (tmp_path / "f").stat().st_ctime_ns + 100 * SECOND_NS
    os.utime(tmp_path / "f", ns=(now + of_mtime, now + of_mtime))

    assert settled(tmp_path, now + SECOND_NS // 2) is due
