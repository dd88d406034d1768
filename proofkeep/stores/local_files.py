"""Writing into a local store's tree so that nothing is ever seen half-written, and all of it outlives a crash."""

import contextlib
import fcntl
import os
import secrets
import stat
from collections.abc import Iterator
from pathlib import Path

from proofkeep.errors import StoreDeniedError

PRIVATE_FILE = 0o600
PRIVATE_FOLDER = 0o700


@contextlib.contextmanager
def temporary(folder: Path) -> Iterator[tuple[Path, int]]:
    """A new private file in `folder`, open for writing and locked while in use; gone at the end."""
    path, descriptor = _create_locked(folder)
    try:
        yield path, descriptor
    finally:
        os.close(descriptor)
        path.unlink(missing_ok=True)


def _create_locked(folder: Path) -> tuple[Path, int]:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    while True:
        path = folder / secrets.token_hex(16)
        descriptor = os.open(path, flags, PRIVATE_FILE)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        except OSError:
            os.close(descriptor)
            path.unlink(missing_ok=True)
            raise
        if os.fstat(descriptor).st_nlink:
            return path, descriptor
        os.close(descriptor)  # another process swept it between creation and lock


def sweep(folder: Path) -> None:
    """Remove temporary files whose writer is gone: those that nobody holds locked."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_file(follow_symlinks=False):
                with contextlib.suppress(FileNotFoundError, BlockingIOError):
                    _remove_unlocked(Path(entry.path))


def _remove_unlocked(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        path.unlink()
    finally:
        os.close(descriptor)


def write_all(descriptor: int, piece: memoryview) -> None:
    """Write every byte of `piece`."""
    while piece:
        piece = piece[os.write(descriptor, piece) :]


def make_folders(root: Path, folder: Path) -> None:
    """Make `folder` and what is missing between it and `root`, and make their names outlive a crash.

    Raises:
        StoreDeniedError: the way leads over a symlink.
    """
    path = root
    for component in folder.relative_to(root).parts:
        parent, path = path, path / component
        with contextlib.suppress(FileExistsError):
            path.mkdir(PRIVATE_FOLDER)
        if stat.S_ISLNK(path.lstat().st_mode):
            raise StoreDeniedError("the directory holds a symlink where a folder of objects must be")
        sync_folder(parent)


def remove_empty_folders(root: Path, folder: Path) -> None:
    """Remove `folder` and its parents below `root` as far as they are empty."""
    while folder != root:
        try:
            folder.rmdir()
        except OSError:
            return
        folder = folder.parent


def sync_folder(folder: Path) -> None:
    """Make the names in `folder` outlive a crash."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
