"""Segments of the last manifest that still hold: found by their first entry, proven by their nodes, not made again."""

import struct
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

import msgspec

from proofkeep import canonical, events
from proofkeep.backup.known import Known
from proofkeep.catalog import Catalog, SegmentState
from proofkeep.crypto.host_keys import IdKeys, digest
from proofkeep.errors import IntegrityError
from proofkeep.format.manifest import Child
from proofkeep.journal import Noted, SegmentNote
from proofkeep.model import Kind, Node
from proofkeep.repository import Repository
from proofkeep.repository.local_rows import open_row, seal_row

_MARK = struct.Struct(">IBHIIqqqQQ")
_pack, _encode = _MARK.pack, msgspec.msgpack.encode
COUNTED = {Kind.FILE: 0, Kind.DIRECTORY: 1}


class Remembered(msgspec.Struct, array_like=True, frozen=True):
    """What a catalog keeps sealed of a segment; `ended` when the walk ended with it."""

    id: bytes
    length: int
    entries: int
    bytes: int
    files: int
    directories: int
    other: int
    chunks: int
    ended: bool


class Ahead:
    """Nodes of a walk, of which some can be looked at before they are taken."""

    def __init__(self, nodes: Iterator[Node]) -> None:
        self._nodes = nodes
        self._waiting: deque[Node] = deque()

    def batch(self, count: int, described: int) -> Sequence[Node]:
        """The next nodes, up to `count`; they stay where they are.

        Fewer from the node on with which the descriptions of all that wait pass so many bytes.
        """
        size = sum(node.described for node in self._waiting) if len(self._waiting) < count else 0
        while len(self._waiting) < count and size <= described and (node := next(self._nodes, None)) is not None:
            self._waiting.append(node)
            size += node.described
        return list(islice(self._waiting, count))

    def take(self, count: int) -> None:
        """Let go of nodes that were looked at."""
        if count == len(self._waiting):
            self._waiting.clear()
        else:
            for _ in range(count):
                self._waiting.popleft()


@dataclass(slots=True)
class _Draft:
    """The segment that is being written: marks of its nodes, packs of its files that were not read."""

    start: bytes = b""
    marks: list[bytes] = field(default_factory=list)
    packs: set[int] = field(default_factory=set)
    counts: list[int] = field(default_factory=lambda: [0, 0, 0, 0])
    spoilt: bool = False


class SegmentMemory:
    """Follows a walk, and notes for the catalog which segment describes which nodes.

    Segments with hard links, with files that are read again next time, or that begin or end within a file are not kept.
    """

    def __init__(
        self, repository: Repository, ids: IdKeys, catalog: Catalog, entry: bytes, known: Known, noted: Noted
    ) -> None:
        self._repository = repository
        self._ids = ids
        self._catalog = catalog
        self._entry = entry
        self._known = known
        self._noted = noted
        self._draft = _Draft()

    def find(self, ahead: Ahead) -> tuple[Child, Remembered] | None:
        """The remembered segment that describes exactly the next nodes, and is stored where it can be referred to."""
        start = self._ids.path_id(ahead.batch(1, 0)[0].path)
        state = self._catalog.segment_state(self._entry, start)
        if state is None:
            return None
        found = self._opened(state)
        if found is None:
            return None
        # Nodes that are described by more bytes than the segment has are others.
        nodes = ahead.batch(found.entries + 1, found.length)
        if found.ended and len(nodes) > found.entries:
            return None
        nodes = nodes[: found.entries]
        if self._mark(map(_node_mark, nodes)) != state.mark or not self._known.refer(state.packs):
            return None
        self._noted.add(SegmentNote(state.start, state.mark, state.sealed, state.packs, b""))
        child = Child(found.id, found.length, nodes[0].path, nodes[-1].path, found.entries, found.bytes)
        return child, found

    def _opened(self, state: SegmentState) -> Remembered | None:
        """What is remembered of a segment; nothing where that does not open: the segment is made again."""
        subject = f"remembered segment {state.start.hex()}"
        try:
            return canonical.from_msgpack(open_row(self._repository, state.sealed, subject), Remembered, subject)
        except IntegrityError as error:
            events.emit("segment-memory-damaged", outcome="failure", segment=state.start.hex(), code=error.code)
            return None

    def add(self, node: Node, path_id: bytes, chunks: int, packs: Sequence[int]) -> None:
        """A node whose entry goes into the segment; `packs` are known ones of a file that was not read."""
        draft = self._draft
        draft.start = draft.start or path_id
        draft.marks.append(_node_mark(node))
        draft.packs.update(packs)
        draft.counts[COUNTED.get(node.kind, 2)] += 1
        draft.counts[3] += chunks
        draft.spoilt |= node.hardlink is not None or (node.kind is Kind.FILE and not node.settled)

    def spoil(self) -> None:
        """The segment is not to be remembered: something in it has to be read again next time."""
        self._draft.spoilt = True

    def leaf(self, child: Child, *, whole: bool, ended: bool) -> None:
        """A segment ends here; `whole` unless a file begins before or goes on after it."""
        draft, self._draft = self._draft, _Draft()
        if draft.spoilt or not whole:
            self._noted.add(SegmentNote(b"", b"", b"", (), b""))
            return
        files, directories, other, chunks = draft.counts
        found = Remembered(child.id, child.length, child.entries, child.bytes, files, directories, other, chunks, ended)
        sealed = seal_row(self._repository, canonical.to_msgpack(found))
        packs = tuple(sorted(draft.packs))
        self._noted.add(SegmentNote(draft.start, self._mark(draft.marks), sealed, packs, child.id))

    def _mark(self, marks: Iterable[bytes]) -> bytes:
        return digest(self._ids.path, b"segment\x00" + b"".join(marks))


def _node_mark(node: Node) -> bytes:
    """Everything a manifest says of a node but its content, and what tells whether that changed."""
    fields = _pack(
        len(node.path),
        node.kind,
        node.mode,
        node.uid,
        node.gid,
        node.mtime_ns,
        node.ctime_ns,
        node.size,
        node.inode,
        node.rdev,
    )
    if node.xattrs or node.owner or node.group or node.unread or node.hardlink:
        return (
            fields
            + node.path
            + node.target
            + _encode((node.xattrs, node.owner, node.group, node.unread, node.hardlink))
        )
    return fields + node.path + node.target
