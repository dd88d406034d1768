"""What a target needs to know of a manifest entry, and the checks it makes before believing it."""

import os
from collections.abc import Sequence
from enum import StrEnum
from functools import lru_cache
from typing import Protocol

from proofkeep.errors import TargetError, UnsafePathError

MAX_NAME = 255
_NO_NAMES = frozenset({b"", b".", b".."})
MAX_ID = 2**32 - 2  # the greatest of 32 bits means "leave as it is" to chown
MAX_SIZE = 2**63 - 1


class Skipped(StrEnum):
    """Why an entry was left out on purpose."""

    DEVICE = "device-not-allowed"
    SOCKET = "socket-not-restorable"


class Metadata(Protocol):
    """What is set on a restored node once its content stands."""

    @property
    def path(self) -> bytes:
        """Relative to the target, components joined by `/`; b"" is the target itself."""

    @property
    def mode(self) -> int:
        """Permission bits with set-uid, set-gid and sticky."""

    @property
    def uid(self) -> int:
        """Owner, unless this host knows `owner` by name."""

    @property
    def gid(self) -> int:
        """Group, unless this host knows `group` by name."""

    @property
    def mtime_ns(self) -> int:
        """When the content changed last."""

    @property
    def xattrs(self) -> Sequence[tuple[bytes, bytes]]:
        """Extended attributes, ACLs among them."""

    @property
    def owner(self) -> bytes:
        """The owner's name on the source's host; may be empty."""

    @property
    def group(self) -> bytes:
        """The group's name on the source's host; may be empty."""


class TreeEntry(Metadata, Protocol):
    """One manifest entry; nothing in it is trusted."""

    @property
    def kind(self) -> int:
        """A number of `proofkeep.model.Kind`."""

    @property
    def size(self) -> int:
        """A file's length, holes included."""

    @property
    def chunks(self) -> bytes:
        """A file's chunk ids; a file with a size and no chunks is one hole."""

    @property
    def extents(self) -> Sequence[int]:
        """A sparse file's data as offset, length, offset, length; empty for a file without holes."""

    @property
    def target(self) -> bytes:
        """What a symbolic link says."""

    @property
    def rdev(self) -> int:
        """A device's numbers."""


def split(path: bytes) -> tuple[bytes, bytes]:
    """Parent and name of an entry below the target.

    Raises:
        UnsafePathError: the path is empty, absolute, holds NUL, an empty component, `.`, `..`, or one over 255 bytes.
    """
    parent, below, name = path.rpartition(b"/")
    if below:
        _check_folder(parent)
    _check_names(name)
    return parent, name


@lru_cache(maxsize=16)
def _check_folder(path: bytes) -> None:
    """Once for many files: entries come folder by folder."""
    _check_names(*path.split(b"/"))


def _check_names(*names: bytes) -> None:
    for name in names:
        if name in _NO_NAMES or b"\0" in name:
            raise UnsafePathError("an entry's path is absolute or leads elsewhere")
        if len(name) > MAX_NAME:
            raise UnsafePathError(f"an entry's path has a component of more than {MAX_NAME} bytes")


def check_numbers(entry: Metadata) -> None:
    """Raise `TargetError` unless owner, group and time are numbers that this system can store."""
    if not (0 <= entry.uid <= MAX_ID and 0 <= entry.gid <= MAX_ID and abs(entry.mtime_ns) <= MAX_SIZE):
        raise TargetError("an entry's owner, group or time is out of range")


def data_places(entry: TreeEntry) -> list[tuple[int, int, int]]:
    """Where a file's data lies: (position in the data, offset in the file, length), in order.

    Raises:
        UnsafePathError: size or extents contradict each other.
        TargetError: the size is beyond what a file can have.
    """
    size = entry.size
    if size < 0 or len(entry.extents) % 2:
        raise UnsafePathError("an entry's size or extents are malformed")
    if size > MAX_SIZE:
        raise TargetError("an entry is larger than any file can be")
    if not entry.extents:
        return [(0, 0, size)] if size and entry.chunks else []
    places = []
    position = end = 0
    for offset, length in zip(entry.extents[::2], entry.extents[1::2], strict=True):
        if offset < end or length < 1 or offset + length > size:
            raise UnsafePathError("an entry's extents are out of order or beyond its size")
        places.append((position, offset, length))
        position += length
        end = offset + length
    return places


def link_text(entry: TreeEntry) -> bytes:
    """What the symbolic link says; raises `UnsafePathError` where no link can say it."""
    if not entry.target or b"\0" in entry.target:
        raise UnsafePathError("an entry is a symbolic link to nothing")
    return entry.target


def device_numbers(entry: TreeEntry) -> int:
    """The device number; raises `TargetError` when it is out of range."""
    if not 0 <= entry.rdev < 2**63 or os.makedev(os.major(entry.rdev), os.minor(entry.rdev)) != entry.rdev:
        raise TargetError("an entry's device number is out of range")
    return entry.rdev
