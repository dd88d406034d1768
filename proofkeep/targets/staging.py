"""The private directory beside the final place in which a restored tree grows, until it is named in one step.

Its process holds a lock on it: what a killed restore left is removed by the next one to the same name.
"""

import contextlib
import errno
import fcntl
import os
import re
import secrets
import stat
from pathlib import Path

from proofkeep import events
from proofkeep.descent import DIRECTORY
from proofkeep.errors import TargetError
from proofkeep.removal import remove_below
from proofkeep.targets.failures import for_target
from proofkeep.targets.writeback import Writeback

MAX_KEPT_OF_NAME = 200
INHERITED = ("system.posix_acl_default", "system.posix_acl_access")


class Staging:
    """An empty directory `.<name>.proofkeep-<random>` that only this user may enter."""

    def __init__(self, final: Path, *, sync: bool) -> None:
        """Make it beside `final`, which must be absent or an empty directory; not to `sync` leaves disks to the kernel.

        Raises:
            TargetError: `final` is something else, a mount point, its parent cannot be written, or what a killed
                restore left beside it cannot be removed.
            TargetFullError: there is no room.
        """
        final = final.absolute()
        if final.name in {"", ".."}:
            raise TargetError("the restore target has no name of its own")
        self._final = os.fsencode(final.name)
        shown = self._final[:MAX_KEPT_OF_NAME]
        self._prefix = b".%s.proofkeep-" % shown
        with for_target("the restore target's parent directory cannot be opened"):
            self._parent = os.open(final.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            with for_target("the restore target cannot be looked at"):
                self._check_vacant()
            with for_target("what a killed restore left beside the restore target cannot be removed"):
                self._sweep()
            with for_target("the restore target's parent directory cannot be written"):
                self.directory = self._create()
        except BaseException:
            os.close(self._parent)
            raise
        self.writeback = Writeback(self.directory, wanted=sync)

    def publish(self) -> None:
        """Bring everything to disk and rename the directory to the final name, or change nothing.

        Raises:
            TargetError: the final name was taken meanwhile, or the staging directory was moved.
            TargetFullError: what was written found no room after all.
        """
        with for_target("the restore cannot be brought to disk"):
            self.writeback.finish()
        with for_target("the restore target cannot be named"):
            if not self._is_ours():
                raise TargetError("the staging directory of the restore was moved")
            os.rename(self._name, self._final, src_dir_fd=self._parent, dst_dir_fd=self._parent)

    def settle(self) -> None:
        """Bring the published name to disk and let go.

        Raises:
            TargetError: the tree stands under its name, but the name may not survive a power cut.
        """
        try:
            with for_target("the restore is complete, but its name could not be brought to disk"):
                if self.writeback.wanted:
                    os.fsync(self._parent)
        finally:
            self.close()

    def remove(self) -> None:
        """Remove the directory and all it holds.

        Raises:
            TargetError: something of it stays.
        """
        try:
            with for_target("the staging directory of the restore cannot be removed"):
                remove_below(self.directory)
                if self._is_ours():
                    os.rmdir(self._name, dir_fd=self._parent)
        finally:
            self.close()

    def close(self) -> None:
        """Let go of the directory and its parent."""
        self.writeback.close()
        os.close(self.directory)
        os.close(self._parent)

    def _check_vacant(self) -> None:
        try:
            status = os.stat(self._final, dir_fd=self._parent, follow_symlinks=False)
        except FileNotFoundError:
            return
        if not stat.S_ISDIR(status.st_mode):
            raise TargetError("the restore target exists and is no directory")
        if status.st_dev != os.fstat(self._parent).st_dev:
            raise TargetError("the restore target is a mount point; name a directory inside it")
        existing = os.open(self._final, DIRECTORY, dir_fd=self._parent)
        try:
            with os.scandir(existing) as entries:
                vacant = next(entries, None) is None
        finally:
            os.close(existing)
        if not vacant:
            raise TargetError("the restore target is not empty")

    def _sweep(self) -> None:
        """Remove staging directories of this user and this target whose process is gone: they hold plaintext."""
        ours = re.compile(re.escape(self._prefix) + rb"[0-9a-f]{16}")
        with os.scandir(self._parent) as entries:
            names = [name for entry in entries if ours.fullmatch(name := os.fsencode(entry.name))]
        for name in names:
            with contextlib.suppress(BlockingIOError, FileNotFoundError):
                self._remove_left(name)

    def _remove_left(self, name: bytes) -> None:
        """Remove one of them. Raises `BlockingIOError` when a restore works in it."""
        status = os.stat(name, dir_fd=self._parent, follow_symlinks=False)
        if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid():
            return
        left = os.open(name, DIRECTORY, dir_fd=self._parent)
        try:
            fcntl.flock(left, fcntl.LOCK_EX | fcntl.LOCK_NB)
            remove_below(left)
            os.rmdir(name, dir_fd=self._parent)
        finally:
            os.close(left)
        events.emit("restore-staging-swept")

    def _create(self) -> int:
        while True:
            self._name = self._prefix + secrets.token_hex(8).encode()
            os.mkdir(self._name, 0o700, dir_fd=self._parent)
            # Another restore may sweep it before it is locked, and takes it for one that a killed restore left.
            with contextlib.suppress(BlockingIOError, FileNotFoundError):
                directory = os.open(self._name, DIRECTORY, dir_fd=self._parent)
                try:
                    fcntl.flock(directory, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    os.stat(self._name, dir_fd=self._parent, follow_symlinks=False)
                    self._make_private(directory)
                except BaseException:
                    os.close(directory)
                    raise
                return directory

    def _make_private(self, directory: int) -> None:
        # A default ACL of the parent was inherited: everything restored would carry it.
        for attribute in INHERITED:
            try:
                os.removexattr(directory, attribute)
            except OSError as error:
                if error.errno not in {errno.ENODATA, errno.ENOTSUP}:
                    os.rmdir(self._name, dir_fd=self._parent)
                    raise
        os.fchmod(directory, 0o700)

    def _is_ours(self) -> bool:
        """Whether the staging name still means the directory that was made."""
        try:
            named = os.stat(self._name, dir_fd=self._parent, follow_symlinks=False)
        except FileNotFoundError:
            return False
        return os.path.samestat(named, os.fstat(self.directory))
