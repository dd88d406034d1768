"""Content of regular files below an open directory: what every process that restores into one tree does to it."""

import os
import threading
from collections.abc import Callable

from proofkeep.errors import TargetError
from proofkeep.targets.entry import TreeEntry, check_numbers, split
from proofkeep.targets.failures import for_entry
from proofkeep.targets.files import Layout, OpenFiles, write_all
from proofkeep.targets.metadata import MetadataWriter

WRITING = os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NOCTTY
CREATING = WRITING | os.O_CREAT | os.O_EXCL


class Contents:
    """Makes and fills files. Methods may be called from several threads and raise as `DirectoryTarget`'s do."""

    def __init__(self, enter: Callable[[bytes], int], lock: threading.Lock, metadata: MetadataWriter) -> None:
        """`enter` opens the directory of a path; its descriptor is used, and `enter` called, under `lock` alone."""
        self._enter = enter
        self._lock = lock
        self._metadata = metadata
        self.files = OpenFiles(self._reopen)

    def put_file(self, entry: TreeEntry, data: bytes | memoryview) -> None:
        """Make a regular file without holes, all content and metadata at once; nothing of it stays after an error."""
        check_numbers(entry)
        if len(data) != entry.size:
            raise TargetError(f"an entry has {len(data)} bytes of content, not {entry.size}")
        descriptor = self.create(entry.path)
        try:
            with for_entry():
                write_all(descriptor, memoryview(data), 0)
                self._metadata.apply(descriptor, entry)
        except BaseException:
            self.unlink(entry.path)
            raise
        finally:
            os.close(descriptor)

    def create(self, path: bytes) -> int:
        """A new file's descriptor. It is made without the lock: a filesystem may take long to find an inode."""
        parent, name = split(path)
        with self._lock, for_entry():
            directory = os.dup(self._enter(parent))
        try:
            with for_entry():
                return os.open(name, CREATING, 0o600, dir_fd=directory)
        finally:
            os.close(directory)

    def write(self, file: Layout, position: int, data: bytes | memoryview) -> None:
        """Write content; `position` counts the file's data in order, as its chunks hold it, holes left out."""
        with for_entry(), self.files.descriptor(file) as descriptor:
            file.put(descriptor, position, memoryview(data))

    def unlink(self, path: bytes) -> None:
        """Remove a file."""
        parent, name = split(path)
        with self._lock, for_entry():
            os.unlink(name, dir_fd=self._enter(parent))

    def _reopen(self, file: Layout) -> int:
        parent, name = split(file.path)
        with self._lock:
            descriptor = os.open(name, WRITING, dir_fd=self._enter(parent))
        status = os.fstat(descriptor)
        if (status.st_dev, status.st_ino) != file.identity:
            os.close(descriptor)
            raise TargetError("a file of the restore was replaced while it was written")
        return descriptor
