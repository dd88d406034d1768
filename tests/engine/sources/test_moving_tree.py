"""The tree changes while it is walked; each test changes it between two nodes."""

import os
import shutil
import time
from pathlib import Path

import pytest

from proofkeep.descent import HELD
from proofkeep.model import Kind
from proofkeep.sources.directory import DirectorySource
from proofkeep.sources.patterns import Selection
from proofkeep.sources.walk import Walk


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    place = tmp_path / "outside"
    place.mkdir()
    (place / "secret").write_bytes(b"not part of the source")
    return place


@pytest.fixture
def root(tmp_path: Path) -> Path:
    place = tmp_path / "source"
    place.mkdir()
    return place


def test_name_that_vanishes_after_listing_is_skipped_and_counted(root: Path) -> None:
    for name in ("a", "b", "c"):
        (root / name).touch()
    (root / "d").mkdir()
    source = DirectorySource(root, label="test")
    walk = source.walk()

    first = next(walk).path
    (root / "b").unlink()
    (root / "d").rmdir()
    rest = [node.path for node in walk]

    assert [first, *rest] == [b"", b"a", b"c"]
    assert source.vanished == 2


def test_directory_swapped_for_a_link_after_listing_is_a_link(root: Path, outside: Path) -> None:
    (root / "d").mkdir()
    (root / "d/inner").touch()
    walk = DirectorySource(root, label="test").walk()

    next(walk)
    shutil.rmtree(root / "d")
    (root / "d").symlink_to(outside)
    rest = {node.path: node.kind for node in walk}

    assert rest == {b"d": Kind.SYMLINK}


class SwappingWalk(Walk):
    """Calls `swap` between the stat of a directory and its opening."""

    swap = staticmethod(lambda: None)

    def _enter(self, *arguments, **options):  # type: ignore[no-untyped-def] # noqa: ANN002, ANN003, ANN202
        self.swap()
        return super()._enter(*arguments, **options)


def swapping_walk(root: Path) -> SwappingWalk:
    opened = os.open(root, os.O_DIRECTORY)
    leave_out: frozenset[tuple[int, int]] = frozenset()
    return SwappingWalk(opened, Selection(), leave_out=leave_out, one_filesystem=False, xattrs=True, clock=time.time_ns)


def test_directory_swapped_for_a_link_before_opening_is_a_link(root: Path, outside: Path) -> None:
    (root / "d").mkdir()
    walk = swapping_walk(root)

    def swap() -> None:
        (root / "d").rmdir()
        (root / "d").symlink_to(outside)

    walk.swap = swap
    nodes = {node.path: node for node in walk.nodes()}

    assert list(nodes) == [b"", b"d"]
    assert nodes[b"d"].kind is Kind.SYMLINK


def test_directory_swapped_for_another_is_described_as_what_was_listed(root: Path) -> None:
    (root / "d").mkdir(mode=0o700)
    walk = swapping_walk(root)

    def swap() -> None:
        (root / "d").rmdir()
        (root / "d").mkdir()
        (root / "d").chmod(0o711)
        (root / "d/new").touch()

    walk.swap = swap
    nodes = {node.path: node for node in walk.nodes()}

    assert list(nodes) == [b"", b"d", b"d/new"]
    assert (nodes[b"d"].mode, nodes[b"d"].inode) == (0o711, (root / "d").stat().st_ino)


def test_directory_that_vanishes_before_opening_is_counted(root: Path) -> None:
    (root / "d").mkdir()
    walk = swapping_walk(root)

    walk.swap = (root / "d").rmdir
    paths = [node.path for node in walk.nodes()]

    assert paths == [b""]
    assert walk.vanished == 1


@pytest.fixture
def far_below(root: Path) -> bytes:
    """A directory so deep that those above it are no longer held open when the walk comes back."""
    names = ["d"] * (2 * HELD)
    (root / "/".join(names)).mkdir(parents=True)
    for depth in range(len(names)):
        (root / "/".join(names[:depth]) / "z").touch()
    return os.fsencode("/".join(names))


def test_tree_moved_away_above_a_deep_walk_does_not_lead_outside(root: Path, outside: Path, far_below: bytes) -> None:
    for depth in range(far_below.count(b"/") + 1):
        twin = outside / os.fsdecode(far_below[: 2 * depth])
        twin.mkdir(parents=True, exist_ok=True)
        (twin / "z").write_bytes(b"outside")
    source = DirectorySource(root, label="test")
    walk = source.walk()

    reached = [next(walk).path for _ in range(1 + 2 * HELD)]
    (root / "d").rename(root / "moved")
    (root / "d").symlink_to(outside / "d")
    rest = list(walk)

    assert reached[-1] == far_below
    assert all(node.size == 0 for node in rest)
    assert len(rest) + source.vanished == 2 * HELD
    assert source.vanished == HELD


def test_unreachable_part_of_a_deep_walk_is_named_unread(
    root: Path, far_below: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = DirectorySource(root, label="test")
    walk = source.walk()
    for _ in range(1 + 2 * HELD):
        next(walk)
    really = os.open

    def refuse(path: bytes, *arguments: int, **options: int) -> int:
        if path == b"d":
            raise PermissionError(13, "refused")
        return really(path, *arguments, **options)

    monkeypatch.setattr(os, "open", refuse)
    rest = list(walk)

    unread = [node for node in rest if node.unread]
    assert {node.unread for node in unread} == {"source-unavailable"}
    assert {node.path for node in rest} == {far_below[: 2 * depth] + b"z" for depth in range(2 * HELD)}
    assert unread
