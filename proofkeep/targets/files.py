"""Restored files while their content arrives, in any order, from several threads and processes."""

import os
import threading
from bisect import bisect_left, bisect_right
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from operator import itemgetter

import msgspec

from proofkeep.errors import UnsafePathError
from proofkeep.targets.entry import TreeEntry

MAX_OPEN = 256
PREALLOCATED = 1 << 20


class Layout(msgspec.Struct, frozen=True):
    """Which file it is and where its data lies; all that a process needs to write into it.

    Attributes:
        places: position in the data, offset in the file, length, in order.
        identity: the device and inode that were made.
    """

    path: bytes
    places: list[tuple[int, int, int]]
    data_size: int
    identity: tuple[int, int]

    def part(self, position: int, length: int) -> "Layout":
        """The same with no more places than so many bytes of the data lie in: a sparse file may have 65,536."""
        first = bisect_right(self.places, position, key=itemgetter(0)) - 1
        end = bisect_left(self.places, position + length, key=itemgetter(0))
        return msgspec.structs.replace(self, places=self.places[max(first, 0) : end])

    def put(self, descriptor: int, position: int, data: memoryview) -> None:
        """Write `data` where the bytes from `position` of the file's data lie.

        Raises:
            UnsafePathError: there is more data than the entry has room for.
            OSError: it cannot be written.
        """
        if position < 0 or position + len(data) > self.data_size:
            raise UnsafePathError("an entry has more content than its size")
        index = bisect_right(self.places, position, key=itemgetter(0)) - 1
        while data:
            start, offset, length = self.places[index]
            count = min(len(data), start + length - position)
            write_all(descriptor, data[:count], offset + position - start)
            data = data[count:]
            position += count
            index += 1


class RestoredFile:
    """One file whose content is on its way; made by `DirectoryTarget.create`."""

    __slots__ = ("entry", "layout", "written")

    def __init__(self, entry: TreeEntry, places: list[tuple[int, int, int]], descriptor: int) -> None:
        """A new file that is open as `descriptor`; `places` are the entry's."""
        status = os.fstat(descriptor)
        size = sum(length for _, _, length in places)
        self.entry = entry
        self.layout = Layout(entry.path, places, size, (status.st_dev, status.st_ino))
        self.written = 0

    def reserve(self, descriptor: int) -> None:
        """Give the file its length: holes where it is sparse, room on the disk where it is dense and large."""
        size = self.entry.size
        if self.layout.data_size < size:
            os.ftruncate(descriptor, size)
        elif size >= PREALLOCATED:
            os.posix_fallocate(descriptor, 0, size)


class OpenFiles:
    """The descriptors of files being restored: at most `limit` open, the rest opened again when needed."""

    def __init__(self, reopen: Callable[[Layout], int], *, limit: int = MAX_OPEN) -> None:
        """`reopen` finds a file that was closed meanwhile."""
        self._reopen = reopen
        self._limit = limit
        self._open: OrderedDict[tuple[int, int], int] = OrderedDict()
        self._users: dict[tuple[int, int], int] = {}
        self._lock = threading.Lock()

    def add(self, file: Layout, descriptor: int) -> None:
        """Take over the `descriptor` of a file."""
        with self._lock:
            self._hold(file.identity, descriptor)

    @contextmanager
    def descriptor(self, file: Layout) -> Iterator[int]:
        """The file's descriptor, valid inside the block."""
        identity = file.identity
        with self._lock:
            descriptor = self._open.get(identity)
            if descriptor is None:
                descriptor = self._reopen(file)
                self._hold(identity, descriptor)
            self._open.move_to_end(identity)
            self._users[identity] = self._users.get(identity, 0) + 1
        try:
            yield descriptor
        finally:
            with self._lock:
                self._users[identity] -= 1
                if not self._users[identity]:
                    del self._users[identity]

    def remove(self, file: Layout) -> None:
        """Close the file for good."""
        with self._lock:
            self._let_go(file.identity)

    def close(self) -> None:
        """Close everything."""
        with self._lock:
            for identity in list(self._open):
                self._let_go(identity)

    def _hold(self, identity: tuple[int, int], descriptor: int) -> None:
        self._open[identity] = descriptor
        if len(self._open) > self._limit:
            idle = next((other for other in self._open if other not in self._users and other != identity), None)
            if idle is not None:
                self._let_go(idle)

    def _let_go(self, identity: tuple[int, int]) -> None:
        descriptor = self._open.pop(identity, None)
        if descriptor is not None:
            os.close(descriptor)


def write_all(descriptor: int, data: memoryview, offset: int) -> None:
    """Write every byte of `data` from `offset` on."""
    while data:
        count = os.pwrite(descriptor, data, offset)
        data = data[count:]
        offset += count
