"""What was restored is on its way to disk before the end, and no error of the disk is lost on that way."""

import errno
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from proofkeep.errors import TargetFullError
from proofkeep.syncing import syncfs
from proofkeep.targets import writeback
from proofkeep.targets.directory import DirectoryTarget
from proofkeep.targets.writeback import Writeback
from tests.engine.targets.trees import entry


class Disk:
    """Stands for syncfs: counts, waits where told to, and fails once, as the kernel tells an error once."""

    def __init__(self) -> None:
        self.syncs = 0
        self.error: OSError | None = None
        self.proceed = threading.Event()
        self.proceed.set()

    def __call__(self, _: int) -> None:
        self.syncs += 1
        self.proceed.wait(60)
        error, self.error = self.error, None
        if error is not None:
            raise error


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    disk = Disk()
    monkeypatch.setattr(writeback, "syncfs", disk)
    return disk


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[int]:
    descriptor = os.open(tmp_path, os.O_RDONLY)
    yield descriptor
    os.close(descriptor)


def test_sync_begins_beside_the_writers_and_never_twice_at_once(disk: Disk, directory: int) -> None:
    disk.proceed.clear()
    growing = Writeback(directory, every=100)

    growing.wrote(99)
    assert disk.syncs == 0
    for _ in range(5):
        growing.wrote(100)
    disk.proceed.set()
    growing.finish()
    growing.close()

    assert disk.syncs == 2


def test_error_that_an_early_sync_met_is_told_at_the_end(disk: Disk, directory: int) -> None:
    disk.error = OSError(errno.EIO, "syncfs")
    growing = Writeback(directory, every=1)

    growing.wrote(1)
    with pytest.raises(OSError, match="syncfs"):
        growing.finish()
    growing.close()


def test_restore_to_a_disk_that_fills_behind_the_cache_is_not_published(disk: Disk, tmp_path: Path) -> None:
    disk.error = OSError(errno.ENOSPC, "syncfs")
    target = DirectoryTarget(tmp_path / "restored")
    with target:
        target.put_file(entry(b"file", size=7), b"content")
        with pytest.raises(TargetFullError):
            target.complete()

    assert list(tmp_path.iterdir()) == []


def test_target_that_is_not_to_sync_leaves_the_disk_to_the_kernel(disk: Disk, tmp_path: Path) -> None:
    disk.error = OSError(errno.EIO, "syncfs")
    with DirectoryTarget(tmp_path / "restored", sync=False) as target:
        target.put_file(entry(b"file", size=7), b"content")
        target.complete()

    assert disk.syncs == 0
    assert (tmp_path / "restored" / "file").read_bytes() == b"content"


def test_syncfs_of_a_closed_descriptor_is_an_error() -> None:
    descriptor = os.open("/", os.O_RDONLY)
    os.close(descriptor)

    with pytest.raises(OSError, match="syncfs") as raised:
        syncfs(descriptor)

    assert raised.value.errno == errno.EBADF
