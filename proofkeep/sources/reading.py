"""Read one regular file of a directory tree: data only, holes skipped. Knows nothing of chunks."""

import errno
import os
import stat
from collections.abc import Sequence
from functools import cache

from proofkeep.errors import SourceChangedError, SourceUnavailableError
from proofkeep.model import Node
from proofkeep.sources.node import within_range

MAX_EXTENTS = 65_536
BIG_FILE = 16 << 20
# O_NONBLOCK: a FIFO put in the file's place must not block the run.
READING = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NOCTTY | os.O_NONBLOCK
UNNOTICED = READING | os.O_NOATIME
GONE = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENXIO, errno.EISDIR})


def open_descriptor(name: bytes, directory: int, owner: int) -> int:
    """Open the file `name` (one component) below the open `directory`, leaving its access time where permitted."""
    if owns(owner):
        try:
            return os.open(name, UNNOTICED, dir_fd=directory)
        except PermissionError:
            # In a user namespace root may not own the file in the kernel's eyes.
            pass
    return os.open(name, READING, dir_fd=directory)


@cache
def owns(owner: int) -> bool:
    """Whether this process may leave access times of what belongs to `owner`; the kernel has the last word."""
    return os.geteuid() in {0, owner}


def holds_whole(descriptor: int, node: Node, buffer: memoryview) -> bool:
    """Read an open file into `buffer`, of the size that was listed; see `Source.read_whole`."""
    try:
        if node.size and os.readv(descriptor, [buffer]) != node.size:
            return False
        status = os.fstat(descriptor)
    except OSError:
        return False
    if not (_is_as_listed(status, node) and stat.S_ISREG(status.st_mode)):
        return False
    return status.st_blocks * 512 >= node.size or _data_extents(descriptor, node.size) is None


def _is_as_listed(status: os.stat_result, node: Node) -> bool:
    return (
        status.st_size == node.size
        and within_range(status.st_mtime_ns) == node.mtime_ns
        and within_range(status.st_ctime_ns) == node.ctime_ns
        and status.st_ino == node.inode
        and status.st_dev == node.device
    )


class FileReader:
    """One open file, read up to the size of its listing; growth beyond that shows in `unchanged`.

    What it read stays in the page cache: to drop it there would take pages from whoever else works with the file.
    """

    __slots__ = ("_descriptor", "_extents", "_label", "_node", "_pending", "_position")

    def __init__(self, descriptor: int, node: Node, label: str) -> None:
        """Take over `descriptor`, which was opened for `node`.

        Raises:
            SourceChangedError: it is no regular file any more; the descriptor is closed.
        """
        self._descriptor = descriptor
        self._node = node
        self._label = label
        self._position = 0
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            self.close()
            raise SourceChangedError(f"a file of source {label} became something else")
        self._extents = _data_extents(descriptor, node.size) if status.st_blocks * 512 < node.size else None
        whole = [(0, node.size)] if node.size else []
        self._pending = whole if self._extents is None else self._extents[::-1]
        if node.size >= BIG_FILE:
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_SEQUENTIAL)

    def extents(self) -> Sequence[tuple[int, int]] | None:
        """Data extents (offset, length) in order; None when the file has no holes or more than 65,536 extents."""
        return self._extents

    def readinto(self, buffer: memoryview) -> int:
        """Fill `buffer` from the data extents in order; 0 at the end, or where the file ends early.

        Raises:
            SourceUnavailableError: the file cannot be read.
        """
        filled = 0
        while filled < len(buffer) and self._pending:
            offset, length = self._pending[-1]
            start = max(offset, self._position)
            rest = offset + length - start
            count = self._read(buffer[filled : filled + rest], start)
            if count == 0:
                self._pending.clear()
                break
            filled += count
            self._position = start + count
            if count == rest:
                self._pending.pop()
        return filled

    def unchanged(self) -> bool:
        """Whether size, mtime, ctime, device and inode are still those of the listing."""
        return _is_as_listed(os.fstat(self._descriptor), self._node)

    def close(self) -> None:
        """Close the file; closing twice is harmless."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _read(self, buffer: memoryview, offset: int) -> int:
        try:
            return os.preadv(self._descriptor, [buffer], offset)
        except OSError as error:
            why = os.strerror(error.errno or 0).lower()
            raise SourceUnavailableError(f"a file of source {self._label} cannot be read: {why}") from None


def _data_extents(descriptor: int, size: int) -> list[tuple[int, int]] | None:
    """Where the file's data lies below `size`; None when it has no holes, too many, or none that can be asked for."""
    found: list[tuple[int, int]] = []
    end = 0
    while end < size:
        try:
            start = os.lseek(descriptor, end, os.SEEK_DATA)
            end = min(os.lseek(descriptor, start, os.SEEK_HOLE), size)
        except OSError as error:
            if error.errno == errno.ENXIO:
                break
            return None
        if start >= size:
            break
        found.append((start, end - start))
        if len(found) > MAX_EXTENTS:
            return None
    return None if found == [(0, size)] else found
