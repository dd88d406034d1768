"""The restore target's disk is full: a clear error, and nothing left behind."""

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from proofkeep.errors import TargetFullError
from proofkeep.model import Kind
from proofkeep.targets.directory import DirectoryTarget
from tests.engine.targets.trees import entry, put_file

MIB = 1 << 20

pytestmark = pytest.mark.requires("mount", root=True)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    place = tmp_path / "disk"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m,nr_inodes=200", "none", place], check=True)
    yield place
    subprocess.run(["umount", place], check=True)


def preallocate_too_much(target: DirectoryTarget) -> None:
    target.create(entry(b"large", size=5 * MIB))


def write_too_much(target: DirectoryTarget) -> None:
    for number in range(1000):
        put_file(target, entry(b"%d" % number, size=900_000), os.urandom(900_000))


def fill_holes(target: DirectoryTarget) -> None:
    file = target.create(entry(b"sparse", size=1000 * MIB, extents=[0, 5 * MIB]))
    for start in range(0, 5 * MIB, MIB):
        target.write(file, start, bytes(MIB))


def make_too_many(target: DirectoryTarget) -> None:
    for number in range(1000):
        target.make(entry(b"%d" % number, Kind.DIRECTORY))


@pytest.mark.parametrize("fill", [preallocate_too_much, write_too_much, fill_holes, make_too_many])
def test_full_disk_is_said_and_leaves_nothing(small_disk: Path, fill: Callable[[DirectoryTarget], None]) -> None:
    with DirectoryTarget(small_disk / "final") as target:
        with pytest.raises(TargetFullError, match="the restore target is full"):
            fill(target)

        assert len(list(small_disk.iterdir())) == 1

    assert list(small_disk.iterdir()) == []
    assert os.statvfs(small_disk).f_bfree == os.statvfs(small_disk).f_blocks


def test_full_disk_at_the_beginning_is_said(small_disk: Path) -> None:
    for number in range(1000):
        try:
            (small_disk / str(number)).mkdir()
        except OSError:
            break

    with pytest.raises(TargetFullError):
        DirectoryTarget(small_disk / "final").begin()


def test_room_made_after_a_full_disk_lets_the_restore_succeed(small_disk: Path) -> None:
    (small_disk / "ballast").write_bytes(bytes(3 * MIB))
    with DirectoryTarget(small_disk / "final") as target, pytest.raises(TargetFullError):
        put_file(target, entry(b"file", size=2 * MIB), bytes(2 * MIB))
    (small_disk / "ballast").unlink()

    with DirectoryTarget(small_disk / "final") as target:
        put_file(target, entry(b"file", size=2 * MIB), bytes(2 * MIB))
        target.complete()

    assert (small_disk / "final/file").read_bytes() == bytes(2 * MIB)
