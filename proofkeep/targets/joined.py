"""A directory target as a further process has it: fills files, makes no directory and names nothing."""

import threading
from typing import Any

import msgspec

from proofkeep.descent import Descent
from proofkeep.targets.contents import Contents
from proofkeep.targets.entry import TreeEntry
from proofkeep.targets.files import Layout
from proofkeep.targets.metadata import MetadataWriter


class JoinedTarget:
    """Works below the private directory that another process's `DirectoryTarget` has begun and shares."""

    def __init__(self, directory: int, *, restore_owner: bool) -> None:
        """Take over the inherited descriptor `directory`."""
        self._metadata = MetadataWriter(restore_owner=restore_owner)
        self._contents = Contents(Descent(directory).enter, threading.Lock(), self._metadata)

    def put_file(self, entry: TreeEntry, data: bytes | memoryview) -> None:
        """As `DirectoryTarget.put_file`."""
        self._contents.put_file(entry, data)

    def write(self, file: Any, position: int, data: bytes | memoryview) -> None:
        """As `DirectoryTarget.write`, into a file by its layout, or by plain values that are one."""
        self._contents.write(msgspec.convert(file, Layout), position, data)

    def unset(self) -> tuple[int, int]:
        """How many owners and extended attributes could not be set so far."""
        return self._metadata.owners_unset, self._metadata.xattrs_unset
