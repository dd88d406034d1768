"""Restored files while their content arrives, in any order and from several threads."""

import os
import threading
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from operator import itemgetter

from proofkeep.errors import UnsafePathError
from proofkeep.targets.entry import TreeEntry, data_places

MAX_OPEN = 256
PREALLOCATED = 1 << 20


class RestoredFile:
    """One file whose content is on its way; made by `DirectoryTarget.create`."""

    __slots__ = ("data_size", "descriptor", "entry", "identity", "places", "users", "written")

    def __init__(self, entry: TreeEntry) -> None:
        """Believe `entry` as far as it does not contradict itself."""
        self.entry = entry
        self.places = data_places(entry)
        self.data_size = sum(length for _, _, length in self.places)
        self.written = 0
        self.descriptor = -1
        self.identity = (0, 0)
        self.users = 0

    def reserve(self, descriptor: int) -> None:
        """Give the file its length: holes where it is sparse, room on the disk where it is dense and large."""
        size = self.entry.size
        if self.data_size < size:
            os.ftruncate(descriptor, size)
        elif size >= PREALLOCATED:
            os.posix_fallocate(descriptor, 0, size)

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


class OpenFiles:
    """The descriptors of files being restored: at most `limit` open, the rest opened again when needed."""

    def __init__(self, reopen: Callable[[RestoredFile], int], *, limit: int = MAX_OPEN) -> None:
        """`reopen` finds a file that was closed meanwhile."""
        self.unfinished = 0
        self._reopen = reopen
        self._limit = limit
        self._open: OrderedDict[RestoredFile, None] = OrderedDict()
        self._lock = threading.Lock()

    def add(self, file: RestoredFile, descriptor: int) -> None:
        """Take over the `descriptor` of a new file."""
        status = os.fstat(descriptor)
        file.identity = (status.st_dev, status.st_ino)
        with self._lock:
            self.unfinished += 1
            self._hold(file, descriptor)

    @contextmanager
    def descriptor(self, file: RestoredFile) -> Iterator[int]:
        """The file's descriptor, valid inside the block."""
        with self._lock:
            if file.descriptor < 0:
                self._hold(file, self._reopen(file))
            self._open.move_to_end(file)
            file.users += 1
        try:
            yield file.descriptor
        finally:
            with self._lock:
                file.users -= 1

    def wrote(self, file: RestoredFile, count: int) -> None:
        """Count bytes of content."""
        with self._lock:
            file.written += count

    def remove(self, file: RestoredFile) -> None:
        """Close the file for good."""
        with self._lock:
            self.unfinished -= 1
            self._let_go(file)

    def close(self) -> None:
        """Close everything."""
        with self._lock:
            for file in list(self._open):
                self._let_go(file)

    def _hold(self, file: RestoredFile, descriptor: int) -> None:
        file.descriptor = descriptor
        self._open[file] = None
        if len(self._open) > self._limit:
            idle = next((other for other in self._open if not other.users and other is not file), None)
            if idle is not None:
                self._let_go(idle)

    def _let_go(self, file: RestoredFile) -> None:
        if file.descriptor >= 0:
            os.close(file.descriptor)
            file.descriptor = -1
            del self._open[file]


def write_all(descriptor: int, data: memoryview, offset: int) -> None:
    """Write every byte of `data` from `offset` on."""
    while data:
        count = os.pwrite(descriptor, data, offset)
        data = data[count:]
        offset += count
