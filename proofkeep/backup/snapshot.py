"""Stage 1, snapshot: walk the source, skip what has not changed, yield slabs of new plaintext, build the manifest."""

import struct
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice

import msgspec

from proofkeep.backup.items import EndOfStream
from proofkeep.backup.known import Known
from proofkeep.backup.reading import Content, ContentReader, SlabWriter
from proofkeep.backup.segments import SegmentWriter
from proofkeep.catalog import Catalog, FileState
from proofkeep.chunking import Chunker
from proofkeep.crypto.host_keys import IdKeys, digest
from proofkeep.errors import CancelledError, SourceChangedError, SourceEmptyError, SourceError
from proofkeep.format.header import ObjectType
from proofkeep.format.manifest import ID_SIZE, Entry
from proofkeep.journal import Journal
from proofkeep.model import Finding, Kind, Node
from proofkeep.ports import Cancelled, Progress, Reader, Source
from proofkeep.slabs import Piece, Slab, SlabPool

_BATCH = 256
_ATTEMPTS = 3
_STATE = struct.Struct(">qqqQI")


@dataclass(slots=True)
class Walk:
    """One walk over a source, with what it counts and what it could not read.

    Attributes:
        unread: a finding for each file or directory whose content is missing or uncertain; its path is for the CLI.
    """

    source: Source
    ids: IdKeys
    entry: bytes
    catalog: Catalog
    journal: Journal
    known: Known
    pool: SlabPool
    chunker: Chunker
    cancelled: Cancelled
    progress: Progress
    allow_empty: bool = False
    unread: list[Finding] = field(default_factory=list)
    totals: dict[str, int] = field(default_factory=dict)
    _links: dict[tuple[int, ...], Entry] = field(default_factory=dict)

    def slabs(self) -> Iterator[Slab | EndOfStream]:
        """Slabs of chunks that are stored nowhere yet, then the end with the manifest's root.

        Raises:
            SourceUnavailableError, SourceEmptyError, CancelledError.
        """
        self.totals = dict.fromkeys(
            (
                "files",
                "directories",
                "other",
                "bytes",
                "chunks",
                "read_bytes",
                "unchanged_files",
                "vanished",
                "unread",
            ),
            0,
        )
        content = SlabWriter(self.pool, self.known, ObjectType.CONTENT_PACK)
        manifest = SlabWriter(self.pool, self.known, ObjectType.SEGMENT_PACK)
        waiting: list[tuple[bytes, bytes]] = []
        segments = SegmentWriter(self.ids, lambda identity, data: waiting.append((identity, data)))
        reader = ContentReader(content, self.chunker, self.ids, self.cancelled)
        for batch in _batches(self.source.walk(), _BATCH):
            yield from self._read_batch(batch, reader, segments)
            yield from _store_segments(waiting, manifest)
            self._report(content)
        if self.totals["files"] + self.totals["other"] + self.totals["directories"] <= 1 and not self.allow_empty:
            raise SourceEmptyError("source holds nothing below its root")
        root = segments.finish()
        yield from _store_segments(waiting, manifest)
        yield from content.flush()
        yield from manifest.flush()
        self._report(content)
        new = content.new_chunks + manifest.new_chunks
        self.totals["new_chunks"], self.totals["new_bytes"] = content.new_chunks, content.new_bytes
        yield EndOfStream(dict(self.totals), {"snapshot": new}, root)

    def _report(self, content: SlabWriter) -> None:
        self.progress("snapshot", **self.totals, new_bytes=content.new_bytes)

    def _read_batch(self, nodes: list[Node], reader: ContentReader, segments: SegmentWriter) -> Iterator[Slab]:
        if self.cancelled():
            raise CancelledError("run was cancelled while it walked its source")
        path_ids = [self.ids.path_id(node.path) for node in nodes]
        states = self.catalog.file_states(self.entry, path_ids)
        files: list[tuple[bytes, bytes, bytes, tuple[int, ...]]] = []
        for node, path_id in zip(nodes, path_ids, strict=True):
            entry: Entry | None
            if node.kind is not Kind.FILE or node.unread:
                entry = _entry(node)
            elif (entry := self._unchanged(node, path_id, states.get(path_id))) is None:
                for item in self._read_file(node, path_id, reader):
                    if isinstance(item, Slab):
                        yield item
                    else:
                        entry = item
                        if not entry.unread:
                            files.append((path_id, self._mark(node), entry.chunks, tuple(entry.extents)))
            if entry is None:
                self.totals["vanished"] += 1
                continue
            self._count(entry, path_id)
            segments.add(entry, path_id)
        if files:
            self.journal.add_files(files)

    def _unchanged(self, node: Node, path_id: bytes, state: FileState | None) -> Entry | None:
        if (first := self._links.get(_link_key(node))) is not None:
            return msgspec.structs.replace(first, path=node.path)
        if state is None or state.fingerprint != self._mark(node) or not self.known.refer(state.packs):
            return None
        self.totals["unchanged_files"] += 1
        return self._linked(node, path_id, _entry(node, state.chunks, state.extents))

    def _linked(self, node: Node, path_id: bytes, entry: Entry) -> Entry:
        """Remember the first name of a file with several, so that the others share all but the path.

        One that could not be read stays alone: the next name may be luckier.
        """
        if node.hardlink is None or entry.unread:
            return entry
        entry = msgspec.structs.replace(entry, hardlink=path_id)
        self._links[_link_key(node)] = entry
        return entry

    def _read_file(self, node: Node, path_id: bytes, reader: ContentReader) -> Iterator[Slab | Entry]:
        """Slabs, then the entry; no entry when the file vanished. A changing file is read again, up to three times."""
        content, code, now = Content(b"", 0, ()), SourceChangedError.code, node
        for _ in range(_ATTEMPTS):
            try:
                content, whole = yield from self._read_once(now, reader)
                code = "" if whole else SourceChangedError.code
            except SourceError as error:
                code = error.code
            if not code:
                break
            again = self._look_again(now)
            if again is None:
                return
            now = again
        self.totals["read_bytes"] += content.read
        entry = _entry(now, content.chunks, content.extents, unread=code)
        if code:
            entry = _entry(now, content.chunks, (), unread=code, size=content.read)
        yield self._linked(now, path_id, entry)

    def _read_once(self, node: Node, reader: ContentReader) -> Generator[Slab, None, tuple[Content, bool]]:
        """Slabs; returns what the file held, and whether that is all of what it was listed as."""
        content = Content(b"", 0, ())
        opened = self.source.open(node)
        try:
            for item in reader.read(opened, node.size):
                if isinstance(item, Slab):
                    yield item
                else:
                    content = item
            return content, content.read == _data_size(opened, node) and opened.unchanged()
        finally:
            opened.close()

    def _look_again(self, node: Node) -> Node | None:
        """The file as it is now; as it was, where that cannot be seen or it is no file any more; None when gone."""
        try:
            again = self.source.again(node)
        except SourceError:
            return node
        return again if again is None or again.kind is Kind.FILE else node

    def _mark(self, node: Node) -> bytes:
        """Keyed fingerprint of what tells a changed file; the catalog keeps no size or date in clear."""
        return stat_mark(self.ids, node)

    def _count(self, entry: Entry, path_id: bytes) -> None:
        name = {Kind.FILE: "files", Kind.DIRECTORY: "directories"}.get(Kind(entry.kind), "other")
        self.totals[name] += 1
        self.totals["bytes"] += entry.size
        self.totals["chunks"] += len(entry.chunks) // ID_SIZE
        if entry.unread:
            self.totals["unread"] += 1
            self.unread.append(Finding(entry.unread, path_id.hex(), path=entry.path))


def _link_key(node: Node) -> tuple[int, ...]:
    """What two names of one file have in common; a file changed between its names is read again as another."""
    return () if node.hardlink is None else (*node.hardlink, node.size, node.mtime_ns)


def _data_size(reader: Reader, node: Node) -> int:
    """Bytes that a whole read gives: fewer mean a file that does not hold what its size says."""
    extents = reader.extents()
    return node.size if extents is None else sum(length for _, length in extents)


def stat_mark(ids: IdKeys, node: Node) -> bytes:
    """The keyed fingerprint, 16 bytes, that the catalog keeps of a file; a drill holds live files against it."""
    fields = _STATE.pack(node.size, node.mtime_ns, node.ctime_ns, node.inode, node.mode)
    return digest(ids.path, node.path + b"\x00" + fields)[:16]


def _entry(
    node: Node, chunks: bytes = b"", extents: Iterable[int] = (), unread: str = "", size: int | None = None
) -> Entry:
    return Entry(
        node.path,
        node.kind,
        node.mode & 0o7777,
        node.uid,
        node.gid,
        node.mtime_ns,
        (node.size if size is None else size) if node.kind is Kind.FILE else 0,
        chunks,
        node.target,
        b"",
        list(node.xattrs),
        node.rdev,
        list(extents),
        node.owner,
        node.group,
        unread or node.unread,
    )


def _batches(nodes: Iterator[Node], size: int) -> Iterator[list[Node]]:
    while batch := list(islice(nodes, size)):
        yield batch


def _store_segments(waiting: list[tuple[bytes, bytes]], manifest: SlabWriter) -> Iterator[Slab]:
    """Put finished segments into the manifest's slab."""
    for identity, data in waiting:
        if manifest.room < len(data):
            yield from manifest.flush()
        manifest.slab.view[manifest.end : manifest.end + len(data)] = data
        manifest.add(Piece(identity, manifest.end, len(data)))
        manifest.advance(len(data))
    waiting.clear()
