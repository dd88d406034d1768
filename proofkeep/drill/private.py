"""A private directory that does not outlive its process by long: whoever drills next removes what a killed one left."""

import contextlib
import fcntl
import os
import shutil
import tempfile
from pathlib import Path

from proofkeep import events
from proofkeep.errors import TargetError
from proofkeep.removal import remove_below

PREFIX = "proofkeep-drill-"


class PrivateDirectory:
    """A locked 0700 directory with a random name below `parent`.

    Raises:
        TargetError: it cannot be made, or what an earlier drill left cannot be removed.
    """

    def __init__(self, parent: Path) -> None:
        try:
            parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            sweep(parent)
            self.path, self._lock = _made_and_locked(parent)
        except OSError as error:
            raise TargetError(f"scratch cannot be made: {os.strerror(error.errno or 0).lower()}") from None

    def remove(self) -> bool:
        """Remove it and all it holds; whether nothing is left."""
        try:
            _remove(self.path, self._lock)
        except OSError:
            shutil.rmtree(self.path, ignore_errors=True)  # one thing cannot go; all else must
        os.close(self._lock)
        return not self.path.exists()


def _made_and_locked(parent: Path) -> tuple[Path, int]:
    while True:
        path = Path(tempfile.mkdtemp(prefix=PREFIX, dir=parent))
        with contextlib.suppress(FileNotFoundError, BlockingIOError):
            lock = _lock(path)
            if path.exists():
                return path, lock
            os.close(lock)
        # Another drill swept it between creation and lock: it takes it for one that a killed drill left.


def sweep(parent: Path) -> int:
    """Remove scratch of this user whose process is gone; how much there was."""
    removed = 0
    for path in parent.glob(f"{PREFIX}*"):
        try:
            if path.is_symlink() or path.stat().st_uid != os.geteuid():
                continue
            lock = _lock(path)
        except OSError:  # locked by a drill that runs, or gone meanwhile
            continue
        _remove(path, lock)
        os.close(lock)
        removed += 1
        events.emit("drill-scratch-swept")
    return removed


def _remove(path: Path, directory: int) -> None:
    """Whatever modes were restored in it."""
    remove_below(directory)
    path.rmdir()


def _lock(directory: Path) -> int:
    """Lock a directory until its process ends. Raises `BlockingIOError` when another process has it."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor
