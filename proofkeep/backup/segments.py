"""Builds the manifest's tree while the walk goes on, in bounded memory (format.md section 9)."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

import msgspec

from proofkeep.crypto.host_keys import IdKeys
from proofkeep.errors import MalformedError
from proofkeep.format.manifest import CONTINUATION, CONTINUE_EVERY, ID_SIZE, MAX_LEVEL, Child, Entry
from proofkeep.format.record import Root

LEAST = 64 << 10
MOST = 1 << 20
FEWEST = 16
"""Children of an inner segment: 8 levels then hold 16 TiB of manifest, however long the paths in its rows are."""
_MASK = 1024
_DIRECTORY_MASK = 64
_encode = msgspec.msgpack.Encoder(order="deterministic").encode

Store = Callable[[bytes, bytes], None]
"""Takes a finished segment: its id and plaintext."""


class OnLeaf(Protocol):
    """Hears of each finished segment of entries; `whole` unless a file begins before or goes on after it."""

    def __call__(self, child: Child, *, whole: bool, ended: bool) -> None:
        """`ended` when it is the last one of the walk."""


@dataclass(slots=True)
class _Level:
    rows: list[bytes] = field(default_factory=list)
    size: int = 0
    first: bytes = b""
    last: bytes = b""
    entries: int = 0
    bytes: int = 0
    done: int = 0


class SegmentWriter:
    """Takes entries in walk order, hands out segments as they are cut, ends with the root."""

    def __init__(self, ids: IdKeys, store: Store, on_leaf: OnLeaf) -> None:
        self._ids = ids
        self._store = store
        self._on_leaf = on_leaf
        self._levels = [_Level()]
        self._held: tuple[Entry, bytes] | None = None
        self._within = False
        self._newest: Child | None = None

    def add(self, entry: Entry, path_id: bytes) -> None:
        """The next entry and its path id; a long file becomes several rows."""
        self.settle(entry.path)
        self._held = (entry, path_id)

    def adopt(self, child: Child, path_id: bytes) -> None:
        """Refer to a segment that is stored already, where one could begin; `path_id` is its last entry's."""
        self._levels[0].done += 1
        self._newest = child
        self._raise(0, child, path_id)

    @property
    def begins(self) -> bool:
        """Whether the next entry begins a segment; sure only after `settle`."""
        return self._held is None and not self._levels[0].rows

    def finish(self) -> Root:
        """Cut what is left; the root segment."""
        self.settle(None)
        lowest = self._levels[0]
        if lowest.rows:
            leaf = self._cut(0)
            self._on_leaf(leaf, whole=not self._within, ended=True)
            if lowest.done:
                self._raise(0, leaf)
        if self._levels[0].done == 1 and self._newest is not None:
            only = self._newest
            return Root(b"", only.id, only.length, 0, only.entries, only.bytes)
        for number in range(1, MAX_LEVEL):
            level = self._levels[number]
            if number + 1 == len(self._levels) and level.done == 0:
                child = self._cut(number)
                return Root(b"", child.id, child.length, number, child.entries, child.bytes)
            if level.rows:
                self._raise(number, self._cut(number))
        raise MalformedError("manifest is deeper than the format allows")

    def settle(self, following: bytes | None) -> None:
        """Write the entry held back until its follower shows whether it was its directory's last."""
        if self._held is None:
            return
        (entry, path_id), self._held = self._held, None
        parent = entry.path.rpartition(b"/")[0]
        ends = following is None or following.rpartition(b"/")[0] not in {parent, entry.path}
        mask = _DIRECTORY_MASK if ends else _MASK
        rows = iter(_rows(entry))
        row = next(rows)
        for further in rows:
            self._write(row, path_id, mask, within=True)
            row = further
        self._write(row, path_id, mask, within=False)

    def _write(self, row: Entry, path_id: bytes, mask: int, *, within: bool) -> None:
        """One row, and the segment's end if it is due; `within` when its file goes on in the next row."""
        word = row.chunks[-ID_SIZE:] if row.kind == CONTINUATION and row.chunks else path_id
        counted = row.kind != CONTINUATION
        self._append(0, _encode(row), row.path, row.path, int(counted), row.size if counted else 0)
        leaf = self._cut_if_due(0, word, mask)
        if leaf is not None:
            self._on_leaf(leaf, whole=not (within or self._within), ended=False)
            self._within = within

    def _append(self, number: int, row: bytes, first: bytes, last: bytes, entries: int, size: int) -> None:
        level = self._levels[number]
        if not level.rows:
            level.first = first
        level.rows.append(row)
        level.size += len(row)
        level.last = last
        level.entries += entries
        level.bytes += size

    def _cut_if_due(self, number: int, word: bytes, mask: int) -> Child | None:
        level = self._levels[number]
        if level.size < LEAST or (number and len(level.rows) < FEWEST):
            return None
        if level.size < MOST and int.from_bytes(word[:4], "big") % mask:
            return None
        child = self._cut(number)
        self._raise(number, child, word)
        return child

    def _raise(self, number: int, child: Child, word: bytes = b"") -> None:
        """Put a finished segment into the level above."""
        if number + 1 == MAX_LEVEL:
            raise MalformedError("manifest is deeper than the format allows")
        if number + 1 == len(self._levels):
            self._levels.append(_Level())
        self._append(number + 1, _encode(child), child.first, child.last, child.entries, child.bytes)
        if word:
            self._cut_if_due(number + 1, word, _MASK)

    def _cut(self, number: int) -> Child:
        level = self._levels[number]
        data = b"".join((b"\x92", _encode(number), _array_header(len(level.rows)), *level.rows))
        identity = self._ids.segment_id(data)
        self._store(identity, data)
        self._levels[number] = _Level(done=level.done + 1)
        child = Child(identity, len(data), level.first, level.last, level.entries, level.bytes)
        if number == 0:
            self._newest = child
        return child


def _rows(entry: Entry) -> Iterable[Entry]:
    """The entry, or its first row and continuations when it has many chunks or extents."""
    ids, places = CONTINUE_EVERY * ID_SIZE, CONTINUE_EVERY * 2
    if len(entry.chunks) <= ids and len(entry.extents) <= places:
        return (entry,)
    return _continued(entry, ids, places)


def _continued(entry: Entry, ids: int, places: int) -> Iterator[Entry]:
    yield msgspec.structs.replace(entry, chunks=entry.chunks[:ids], extents=entry.extents[:places])
    count = max(-(-len(entry.chunks) // ids), -(-len(entry.extents) // places))
    for part in range(1, count):
        chunks = entry.chunks[part * ids : (part + 1) * ids]
        extents = entry.extents[part * places : (part + 1) * places]
        yield Entry(entry.path, CONTINUATION, 0, 0, 0, 0, 0, chunks=chunks, extents=extents)


def _array_header(count: int) -> bytes:
    """MessagePack's shortest header of an array."""
    if count < 1 << 4:
        return bytes([0x90 | count])
    if count < 1 << 16:
        return b"\xdc" + count.to_bytes(2, "big")
    return b"\xdd" + count.to_bytes(4, "big")
