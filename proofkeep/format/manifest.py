"""Manifest segments: entries in walk order, and the tree above them (format.md section 9)."""

from collections.abc import Iterator
from itertools import pairwise

import msgspec

from proofkeep import canonical
from proofkeep.errors import MalformedError, UnsafePathError
from proofkeep.model import Kind

_KINDS = frozenset(Kind)
MAX_LEVEL = 8
MAX_PATH = 1 << 20
ID_SIZE = 32
CONTINUATION = 7
"""Kind of a row that goes on with the chunks and extents of the file before it, under the same path."""
_PLACE = 128  # an integer, and what a restore makes of it
CONTINUE_EVERY = 8192
"""Chunk ids or extents a writer puts into one row."""


class Entry(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """One file, directory or other thing of a source, as format.md's table describes each field."""

    path: bytes
    kind: int
    mode: int
    uid: int
    gid: int
    mtime_ns: int
    size: int
    chunks: bytes = b""
    target: bytes = b""
    hardlink: bytes = b""
    xattrs: list[tuple[bytes, bytes]] = []
    rdev: int = 0
    extents: list[int] = []
    owner: bytes = b""
    group: bytes = b""
    unread: str = ""

    @property
    def described(self) -> int:
        """Bytes of path, link target, extended attributes and extents in memory, about; chunks are not among them."""
        attributes = sum(len(name) + len(value) for name, value in self.xattrs)
        return len(self.path) + len(self.target) + attributes + _PLACE * len(self.extents)


class Child(msgspec.Struct, array_like=True, frozen=True):
    """A segment below: its id and plain length, the paths it spans, and how much lies under it."""

    id: bytes
    length: int
    first: bytes
    last: bytes
    entries: int
    bytes: int


class _Level(msgspec.Struct, array_like=True, frozen=True):
    level: int


class _Leaf(msgspec.Struct, array_like=True, frozen=True):
    level: int
    rows: list[Entry]


class _Inner(msgspec.Struct, array_like=True, frozen=True):
    level: int
    rows: list[Child]


Segment = list[Entry] | list[Child]


def encode_segment(level: int, rows: Segment) -> bytes:
    """The segment's plaintext."""
    return canonical.to_msgpack((level, rows))


def decode_segment(data: bytes, level: int, subject: str) -> Segment:
    """Rows of a segment that stands at `level`, each checked for itself and against its neighbours.

    Raises:
        MalformedError: wrong types, level, order or ids.
        UnsafePathError: a path that is absolute or leads elsewhere.
    """
    if not 0 <= level < MAX_LEVEL:
        raise MalformedError(f"{subject} stands at level {level}, beyond the limit")
    if canonical.from_msgpack(data, _Level, subject).level != level:
        raise MalformedError(f"{subject} states another level than its parent")
    if level:
        children = canonical.from_msgpack(data, _Inner, subject).rows
        _check_children(children, subject)
        return children
    entries = canonical.from_msgpack(data, _Leaf, subject).rows
    if not entries:
        raise MalformedError(f"{subject} has no entries")
    for entry in entries:
        _check_entry(entry, subject)
    for before, after in pairwise(entries):
        check_follows(before, after, subject)
    return entries


def split_ids(chunks: bytes) -> list[bytes]:
    """Joined ids one by one: three times the memory and more, so of a long file use `id_slices`."""
    return [chunks[i : i + ID_SIZE] for i in range(0, len(chunks), ID_SIZE)]


def id_slices(chunks: bytes, most: int = 4096) -> Iterator[list[bytes]]:
    """Joined ids one by one, at most so many at a time."""
    for start in range(0, len(chunks), most * ID_SIZE):
        yield split_ids(chunks[start : start + most * ID_SIZE])


def order(path: bytes) -> list[bytes]:
    """The sort key of walk order: path components; the root sorts first."""
    return path.split(b"/") if path else []


def check_path(path: bytes, subject: str) -> None:
    """Hold a path against what may be restored below a root.

    Raises:
        MalformedError: longer than the limit.
        UnsafePathError: not relative, or with empty components, `.`, `..` or NUL.
    """
    if not path:
        return
    if len(path) > MAX_PATH:
        raise MalformedError(f"{subject} holds a path beyond the limit")
    parts = path.split(b"/")
    if b"\0" in path or b"" in parts or b"." in parts or b".." in parts:
        raise UnsafePathError(f"{subject} holds a path that leads elsewhere")


def _check_entry(entry: Entry, subject: str) -> None:
    check_path(entry.path, subject)
    if entry.kind != CONTINUATION and entry.kind not in _KINDS:
        raise MalformedError(f"{subject} holds an entry of the unknown kind {entry.kind}")
    if len(entry.chunks) % ID_SIZE or len(entry.hardlink) not in {0, 16} or entry.size < 0:
        raise MalformedError(f"{subject} holds an entry with malformed ids or size")
    if entry.kind == CONTINUATION:
        plain = Entry(entry.path, CONTINUATION, 0, 0, 0, 0, 0, chunks=entry.chunks, extents=entry.extents)
        if entry != plain or not (entry.chunks or entry.extents):
            raise MalformedError(f"{subject} holds a continuation with more than chunks and extents")
    elif entry.kind != Kind.FILE and (entry.chunks or entry.extents or entry.size):
        raise MalformedError(f"{subject} holds content for something that is no file")


def check_extents(extents: list[int], size: int, subject: str) -> None:
    """Raise `MalformedError` unless the pairs of a whole file ascend, hold bytes and end within `size`."""
    end = 0
    if len(extents) % 2:
        raise MalformedError(f"{subject} holds an extent without a length")
    for offset, length in zip(extents[::2], extents[1::2], strict=True):
        if offset < end or length < 1 or offset + length > size:
            raise MalformedError(f"{subject} holds extents out of order or beyond the file")
        end = offset + length


def check_content(entry: Entry, stored: int, subject: str) -> None:
    """Raise `MalformedError` unless a whole file's chunks, `stored` bytes together, fill its size or its extents.

    A file that was not read completely may hold less. A file with a size and no chunks is one hole.
    """
    room = sum(entry.extents[1::2]) if entry.extents else entry.size
    hole = not entry.chunks and not entry.extents
    if stored > room or (stored < room and not entry.unread and not hole):
        raise MalformedError(f"{subject} holds a file with {stored} bytes of content where {room} are due")


def _check_children(children: list[Child], subject: str) -> None:
    before: list[bytes] = []
    for child in children:
        if len(child.id) != ID_SIZE or child.length < 1 or child.entries < 0 or child.bytes < 0:
            raise MalformedError(f"{subject} holds a malformed child")
        check_path(child.first, subject)
        check_path(child.last, subject)
        first, last = order(child.first), order(child.last)
        if not before <= first <= last:
            raise MalformedError(f"{subject} holds children out of order")
        before = last
    if not children:
        raise MalformedError(f"{subject} has no children")


def check_follows(before: Entry, after: Entry, subject: str) -> None:
    """Hold two neighbouring rows of walk order against each other; also used across segments.

    Raises:
        MalformedError: out of order, twice, or a continuation of something else.
    """
    if after.kind == CONTINUATION:
        if before.path != after.path or before.kind not in {Kind.FILE, CONTINUATION}:
            raise MalformedError(f"{subject} holds a continuation of another entry")
    # As comparing `order` of both: no name holds NUL, which sorts before all else.
    elif before.path.replace(b"/", b"\0") >= after.path.replace(b"/", b"\0"):
        raise MalformedError(f"{subject} holds paths out of order or twice")
