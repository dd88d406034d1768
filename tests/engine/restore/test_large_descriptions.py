"""Files whose extended attributes are far larger than their content: as few are in memory as fit into a bound."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
import pytest

from proofkeep.backup import snapshot
from proofkeep.backup.segment_memory import Ahead
from proofkeep.format.manifest import Entry
from proofkeep.model import Kind, Node
from proofkeep.restore import run
from tests.building import Ground, Host, plant

FILES = 60
VALUE = 2000
BOUND = 16_000
WITH_THE_LAST = BOUND + VALUE + 100


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    """A source of small files with large attributes, two of them names of one file."""
    monkeypatch.setattr(snapshot, "_BATCH_DESCRIBED", BOUND)
    monkeypatch.setattr(run, "_WINDOW_DESCRIBED", BOUND)
    made = Host(Ground(tmp_path / "ground"))
    plant(made.source, {f"{number:02d}": b"%d" % number for number in range(FILES)})
    describe(made, VALUE)
    os.link(made.source / "00", made.source / "zz")
    return made


def describe(host: Host, size: int) -> None:
    for path in host.source.iterdir():
        os.setxattr(path, "user.described", os.urandom(size))


@pytest.fixture
def waiting(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """By how many bytes the nodes are described that wait behind each look ahead."""
    sizes: list[int] = []
    batch = Ahead.batch

    def sized(ahead: Ahead, count: int, described: int) -> Sequence[Node]:
        nodes = batch(ahead, count, described)
        sizes.append(sum(node.described for node in ahead._waiting))
        return nodes

    monkeypatch.setattr(Ahead, "batch", sized)
    return sizes


def test_batches_of_a_backup_and_windows_of_a_restore_are_bounded(
    host: Host, waiting: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    windows: list[int] = []
    windowed = run._windows

    def noted(entries: Iterator[Entry]) -> Iterator[list[Entry]]:
        for window in windowed(entries):
            windows.append(sum(entry.described for entry in window))
            yield window

    monkeypatch.setattr(run, "_windows", noted)

    host.run()
    host.run()
    portrait, report = host.ground.restored("latest")

    assert report.intact
    assert portrait == host.portrait()
    assert BOUND < max(waiting) <= WITH_THE_LAST
    assert BOUND - VALUE - 100 < max(windows) <= BOUND
    assert len(windows) > FILES * VALUE // BOUND


def test_files_whose_attributes_grew_are_not_held_against_their_segment_all_at_once(
    host: Host, waiting: list[int]
) -> None:
    (host.source / "zz").unlink()  # what is linked is not remembered
    describe(host, 1)
    host.run()
    describe(host, VALUE)
    waiting.clear()

    receipt = host.run()

    assert host.ground.restored(receipt.snapshot)[0] == host.portrait()
    assert BOUND < max(waiting) <= WITH_THE_LAST


def test_path_target_attributes_and_extents_are_counted() -> None:
    attributes = [(b"name", b"value")]
    node = Node(b"path", Kind.FILE, 0, 0, 0, 0, 0, 0, 0, 0, target=b"to", xattrs=tuple(attributes))
    entry = Entry(b"path", Kind.FILE, 0, 0, 0, 0, 0, target=b"to", xattrs=attributes)
    sparse = msgspec.structs.replace(entry, extents=[0, 1, 2, 3])

    assert node.described == entry.described == len("pathtonamevalue")
    assert sparse.described > entry.described + 4 * 8
