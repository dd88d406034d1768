"""Scratch on a tmpfs: files as a restore makes them, in memory."""

import errno
import os
from collections.abc import Iterator
from pathlib import Path

from proofkeep.drill.digests import data_places, fit
from proofkeep.drill.filesystem import swaps
from proofkeep.drill.plan import Places
from proofkeep.drill.private import PrivateDirectory
from proofkeep.drill.receipts import Facts
from proofkeep.errors import TargetError
from proofkeep.format.manifest import Entry
from proofkeep.restore.files import Target

_PART = 1 << 20
_MODE = 0o1777  # set-uid and set-gid are kept only where the owner could be restored
_ACL = b"system.posix_acl_"  # the kernel writes these anew from the mode


class MemoryScratch:
    """A private directory on a tmpfs; implements `Scratch`."""

    kind = "tmpfs"

    def __init__(self, parent: Path, places: Places) -> None:
        self._directory = PrivateDirectory(parent)
        self._make_target = places.make_target

    @property
    def facts(self) -> Facts:
        """What the evidence says of it."""
        return {"kind": self.kind, "filesystem": "tmpfs, by statfs", "host_swaps": swaps()}

    def target(self, snapshot: str) -> Target:
        """Where a snapshot's files are restored to."""
        return self._make_target(self._directory.path / snapshot)

    def data(self, snapshot: str, entry: Entry) -> Iterator[bytes | memoryview]:
        """A restored file's data in order, holes left out.

        Raises:
            TargetError: it is not there or cannot be read.
            IntegrityError: it has another length, or something where a hole must be.
        """
        try:
            descriptor = os.open(self._path(snapshot, entry), os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError as error:
            raise _not_readable(error) from None
        try:
            yield from fit(_pieces(descriptor), data_places(entry.size, entry.extents, entry.chunks))
        except OSError as error:
            raise _not_readable(error) from None
        finally:
            os.close(descriptor)

    def differing(self, snapshot: str, entry: Entry) -> list[str] | None:
        """Metadata that is not as the manifest says; what this host could not set is told by the restore's counts."""
        path = self._path(snapshot, entry)
        try:
            status = os.lstat(path)
            present = set(os.listxattr(path, follow_symlinks=False))
            same_attributes = all(
                os.getxattr(path, name, follow_symlinks=False) == value
                for name, value in entry.xattrs
                if os.fsdecode(name) in present and not name.startswith(_ACL)
            )
        except OSError as error:
            raise _not_readable(error) from None
        same = {
            "size": status.st_size == entry.size,
            "mtime": status.st_mtime_ns == entry.mtime_ns,
            "mode": (status.st_mode ^ entry.mode) & _MODE == 0,
            "xattrs": same_attributes,
        }
        return [name for name, equal in same.items() if not equal]

    def destroy(self) -> tuple[str, bool]:
        """Unlink everything; how, and whether nothing is left."""
        return "files unlinked from tmpfs, whose pages the kernel then frees", self._directory.remove()

    def _path(self, snapshot: str, entry: Entry) -> bytes:
        return os.fsencode(self._directory.path / snapshot) + b"/" + entry.path


def _pieces(descriptor: int) -> Iterator[tuple[int, bytes]]:
    """Data of an open file where its filesystem keeps some."""
    size = os.fstat(descriptor).st_size
    end = 0
    while end < size:
        try:
            start = os.lseek(descriptor, end, os.SEEK_DATA)
        except OSError as error:
            if error.errno == errno.ENXIO:
                return
            raise
        end = os.lseek(descriptor, start, os.SEEK_HOLE)
        while start < end:
            part = os.pread(descriptor, min(_PART, end - start), start)
            if not part:
                return
            yield start, part
            start += len(part)


def _not_readable(error: OSError) -> TargetError:
    return TargetError(f"a restored file cannot be read back: {os.strerror(error.errno or 0).lower()}")
