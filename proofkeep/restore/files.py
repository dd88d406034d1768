"""Files under restore: which chunk goes where, and what became of each file."""

from collections.abc import Iterable
from typing import Any, Protocol

import msgspec

from proofkeep.errors import MalformedError, PackMissingError, ProofkeepError
from proofkeep.format.manifest import Entry, check_content
from proofkeep.snapshots.chunks import Place

Growing = Any  # each target's own handle of a file that is being filled; only handed back to it


class Shared(Protocol):
    """A target that further processes may fill files of; `proofkeep.targets.shared` has the real one."""

    @property
    def directory(self) -> int:
        """Descriptor for a joining process to inherit."""

    @property
    def restore_owner(self) -> bool:
        """Whether owners are set."""

    def prepare(self, path: bytes) -> None:
        """Make what a file at `path` lies in."""

    def wrote(self, file: Growing | None, count: int) -> None:
        """Count what was written into a growing file, or into one that a joined process made."""

    def layout(self, file: Growing, position: int, length: int) -> Any:
        """What a joined process needs to write so many bytes into a growing file, at a place of its data."""


class Target(Protocol):
    """What a restore needs of a target; `proofkeep.targets` has the real one. Safe from several threads."""

    @property
    def owners_unset(self) -> int:
        """Entries whose owner could not be set."""

    @property
    def xattrs_unset(self) -> int:
        """Attributes that could not be set."""

    def begin(self) -> None:
        """Make a private place."""

    def make(self, entry: Entry) -> object | None:
        """Make what has no content; not None when it was left out on purpose."""

    def put_file(self, entry: Entry, data: bytes | memoryview) -> None:
        """Make a regular file without holes and with all of its content, metadata included."""

    def create(self, entry: Entry) -> Growing:
        """Begin a regular file."""

    def write(self, file: Growing, position: int, data: bytes | memoryview) -> None:
        """Put content at a place of the file's data."""

    def finish(self, file: Growing) -> None:
        """Set metadata and close."""

    def discard(self, file: Growing) -> None:
        """Remove a file that cannot be completed."""

    def link(self, path: bytes, existing: bytes) -> None:
        """Another name for a restored file."""

    def share(self) -> Shared | None:
        """What further processes need to fill its files; None when they must not."""

    def complete(self) -> None:
        """Give the whole tree its name."""

    def abandon(self) -> None:
        """Remove everything."""


class FileJob(msgspec.Struct, eq=False):
    """One regular file: what is still to be written, and the first error that hit it.

    Attributes:
        handle: the target's; None for a file of one chunk, which is made when that is there.
        made: whether such a file was.
        placed: bytes of its content that places were found for.
    """

    entry: Entry
    handle: Growing
    made: bool = False
    placed: int = 0
    error: ProofkeepError | None = None
    links: list[bytes] = msgspec.field(default_factory=list)


class Want(msgspec.Struct, frozen=True):
    """One chunk that one file needs at one place. Collected: its job's error may hold the frames that hold it."""

    job: FileJob
    position: int
    place: Place


def place_chunks(job: FileJob, ids: Iterable[bytes], places: dict[bytes, Place], *, whole: bool = True) -> list[Want]:
    """Wants of a file by its next chunk ids in order; empty, with `job.error`, when they cannot fill it.

    Args:
        whole: these are its last.
    """
    if job.error is not None:
        return []
    wants, position = [], job.placed
    for identity in ids:
        place = places.get(identity)
        if place is None:
            job.error = PackMissingError(f"chunk {identity.hex()[:16]} is in no pack that the index names")
            return []
        wants.append(Want(job, position, place))
        position += place.row.length
    job.placed = position
    if not whole:
        return wants
    try:
        check_content(job.entry, position, "manifest")
    except MalformedError as error:
        job.error = error
        return []
    return wants
