"""A growing tree as the process that began it shares it with those that join."""

from collections.abc import Callable

import msgspec

from proofkeep.targets.files import Layout, RestoredFile


class SharedTree(msgspec.Struct, frozen=True):
    """What `DirectoryTarget.share` hands out.

    Attributes:
        directory: the open private directory, until the target is completed or abandoned.
        restore_owner: whether owners are set.
        prepare: makes the directories of a path at which a process that joined is about to make a file.
        wrote: counts bytes that one of them wrote: into a growing file, or into a file it made.
    """

    directory: int
    restore_owner: bool
    prepare: Callable[[bytes], None]
    wrote: Callable[[RestoredFile | None, int], None]

    def layout(self, file: RestoredFile, position: int, length: int) -> Layout:
        """What a process that joined needs to write so many bytes into a growing file."""
        return file.layout.part(position, length)
