"""Stage 1, snapshot: walk the source, skip what has not changed, yield slabs of new plaintext, build the manifest."""

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate

import msgspec

from proofkeep.backup.entries import data_size, entry_of, link_key, stat_mark
from proofkeep.backup.expected import Expected
from proofkeep.backup.items import EndOfStream
from proofkeep.backup.known import Known
from proofkeep.backup.reading import Content, ContentReader, SlabWriter
from proofkeep.backup.segment_memory import Ahead, SegmentMemory
from proofkeep.backup.segments import SegmentWriter
from proofkeep.catalog import Catalog, FileState
from proofkeep.chunking import Chunker
from proofkeep.crypto.host_keys import IdKeys
from proofkeep.errors import CancelledError, SourceChangedError, SourceEmptyError, SourceError
from proofkeep.format.header import ObjectType
from proofkeep.format.manifest import ID_SIZE, Entry
from proofkeep.journal import FileNote, Journal
from proofkeep.lookahead import close
from proofkeep.model import Finding, Kind, Node
from proofkeep.ports import Cancelled, Progress, Source
from proofkeep.progress import silent
from proofkeep.repository import Repository
from proofkeep.slabs import Slab, SlabPool

_BATCH = 256
_BATCH_DESCRIBED = 1 << 20
_BATCH_CHUNKS = 1 << 17  # their ids are 4 MiB, and are in memory several times
_ATTEMPTS = 3
_NAMED = 8 << 20  # bytes of unread paths, of which each may have 64 KiB: what is unread beyond them has its id alone
_COUNTED: dict[int, str] = {int(Kind.FILE): "files", int(Kind.DIRECTORY): "directories"}


@dataclass(slots=True)
class Walk:
    """One walk over a source, with what it counts and what it could not read.

    Attributes:
        unread: a finding for each file or directory whose content is missing or uncertain; its path is for the CLI,
            and left out once there are many.
    """

    source: Source
    repository: Repository
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
    _named: int = 0
    _links: dict[tuple[int, ...], Entry] = field(default_factory=dict)
    _memory: SegmentMemory = field(init=False)
    _expected: Expected = field(init=False)

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
        self._memory = SegmentMemory(
            self.repository, self.ids, self.catalog, self.entry, self.known, self.journal.noted
        )
        segments = SegmentWriter(self.ids, lambda identity, data: waiting.append((identity, data)), self._memory.leaf)
        reader = ContentReader(
            content, self.chunker, self.ids, self.cancelled, lambda so_far: self._report(content, so_far)
        )
        remembers = self.catalog.remembers(self.entry)
        looked_at = self.progress is not silent
        self._expected = Expected(self.catalog.totals(self.entry), self.source.count if looked_at else None)
        nodes = self.source.walk(reading=not remembers)
        ahead = Ahead(nodes)
        try:
            while batch := _few(ahead.batch(_BATCH, _BATCH_DESCRIBED), _BATCH_CHUNKS * self.chunker.sizes.average):
                if self.cancelled():
                    raise CancelledError("run was cancelled while it walked its source")
                segments.settle(batch[0].path)
                if not (remembers and segments.begins and self._adopt(ahead, segments)):
                    yield from self._read_batch(ahead, batch, reader, segments, remembers=remembers)
                yield from _store_segments(waiting, manifest)
                self._report(content)
        finally:
            self._expected.close()
            close(nodes)
        if self.totals["files"] + self.totals["other"] + self.totals["directories"] <= 1 and not self.allow_empty:
            raise SourceEmptyError("source holds nothing below its root")
        root = segments.finish()
        self.journal.noted.finish()
        yield from _store_segments(waiting, manifest)
        yield from content.flush()
        yield from manifest.flush()
        self._report(content)
        new = content.new_chunks + manifest.new_chunks
        self.totals["new_chunks"], self.totals["new_bytes"] = content.new_chunks, content.new_bytes
        yield EndOfStream(dict(self.totals), {"snapshot": new}, root)

    def _report(self, content: SlabWriter, so_far: int = 0) -> None:
        """`so_far` bytes were read of a file that is not counted yet."""
        counts = self.totals | {name: self.totals[name] + so_far for name in ("bytes", "read_bytes")}
        self.progress("snapshot", **counts, new_bytes=content.new_bytes, **self._expected.totals())

    def _adopt(self, ahead: Ahead, segments: SegmentWriter) -> bool:
        """Refer to the remembered segment that describes the next nodes, if there is one."""
        found = self._memory.find(ahead)
        if found is None:
            return False
        child, remembered = found
        segments.adopt(child, self.ids.path_id(child.last))
        ahead.take(child.entries)
        for name in ("files", "directories", "other", "bytes", "chunks"):
            self.totals[name] += getattr(remembered, name)
        self.totals["unchanged_files"] += remembered.files
        return True

    def _read_batch(
        self, ahead: Ahead, nodes: Sequence[Node], reader: ContentReader, segments: SegmentWriter, *, remembers: bool
    ) -> Iterator[Slab]:
        """Take nodes one by one, up to where a segment begins that may be remembered."""
        path_ids = [self.ids.path_id(node.path) for node in nodes]
        states = self.catalog.file_states(self.entry, path_ids) if remembers else {}
        for number, (node, path_id) in enumerate(zip(nodes, path_ids, strict=True)):
            segments.settle(node.path)
            if number and remembers and segments.begins:
                ahead.take(number)
                return
            entry: Entry | None
            packs: Sequence[int] = ()
            if node.kind is not Kind.FILE or node.unread:
                entry = entry_of(node)
            elif (entry := self._unchanged(node, path_id, state := states.get(path_id))) is not None:
                packs = state.packs if state is not None else ()
            else:
                entry = yield from self._read(node, path_id, reader)
            if entry is None:
                self.totals["vanished"] += 1
            else:
                self._put(node, path_id, entry, packs, segments)
        ahead.take(len(nodes))

    def _put(self, node: Node, path_id: bytes, entry: Entry, packs: Sequence[int], segments: SegmentWriter) -> None:
        """Put one node into the manifest; `packs` are known ones of a file that was not read."""
        chunks = len(entry.chunks) // ID_SIZE
        totals = self.totals
        totals[_COUNTED.get(entry.kind, "other")] += 1
        totals["bytes"] += entry.size
        totals["chunks"] += chunks
        self._memory.add(node, path_id, chunks, packs)
        if entry.unread:
            totals["unread"] += 1
            self._named += len(entry.path)
            path = entry.path if self._named <= _NAMED else None
            self.unread.append(Finding(entry.unread, path_id.hex(), path=path))
            self._memory.spoil()
        segments.add(entry, path_id)

    def _read(self, node: Node, path_id: bytes, reader: ContentReader) -> Generator[Slab, None, Entry | None]:
        """Slabs on the way; returns the entry of a file that changed, none when it vanished."""
        entry = None
        if node.size <= self.chunker.sizes.minimum:
            if not reader.writer.fits(node.size):
                yield from reader.writer.flush()
            entry = self._read_small(node, path_id, reader)
        if entry is None:
            entry = yield from self._read_file(node, path_id, reader)
        if entry is not None and node.settled and not entry.unread:
            self.journal.noted.add(FileNote(path_id, self._mark(node), entry.chunks, tuple(entry.extents)))
        return entry

    def _unchanged(self, node: Node, path_id: bytes, state: FileState | None) -> Entry | None:
        if (first := self._links.get(link_key(node))) is not None:
            return msgspec.structs.replace(first, path=node.path, xattrs=list(node.xattrs))
        if state is None or state.fingerprint != self._mark(node) or not self.known.refer(state.packs):
            return None
        self.totals["unchanged_files"] += 1
        return self._linked(node, path_id, entry_of(node, state.chunks, state.extents))

    def _linked(self, node: Node, path_id: bytes, entry: Entry) -> Entry:
        """Remember the first name of a file with several, so that the others share all but the path.

        One that could not be read stays alone: the next name may be luckier.
        """
        if node.hardlink is None or entry.unread:
            return entry
        entry = msgspec.structs.replace(entry, hardlink=path_id)
        self._links[link_key(node)] = msgspec.structs.replace(entry, xattrs=[])
        return entry

    def _read_small(self, node: Node, path_id: bytes, reader: ContentReader) -> Entry | None:
        """The entry of a file of one chunk that was read at once; None when it has to be looked at more closely."""
        chunk = reader.read_small(self.source, node)
        if chunk is None:
            return None
        self.totals["read_bytes"] += node.size
        return self._linked(node, path_id, entry_of(node, chunk))

    def _read_file(self, node: Node, path_id: bytes, reader: ContentReader) -> Generator[Slab, None, Entry | None]:
        """Slabs; returns the entry, none when the file vanished. A changing file is read again, up to three times."""
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
                return None
            now = again
        self.totals["read_bytes"] += content.read
        entry = entry_of(now, content.chunks, content.extents, unread=code)
        if code:
            entry = entry_of(now, content.chunks, (), unread=code, size=content.read)
        return self._linked(now, path_id, entry)

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
            return content, content.read == data_size(opened, node) and opened.unchanged()
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


def _few(nodes: Sequence[Node], most: int) -> Sequence[Node]:
    """As many of the first nodes as are so large together, one at least."""
    if sum(node.size for node in nodes) <= most:
        return nodes
    sizes = accumulate(node.size for node in nodes)
    return nodes[: max(1, sum(size <= most for size in sizes))]


def _store_segments(waiting: list[tuple[bytes, bytes]], manifest: SlabWriter) -> Iterator[Slab]:
    """Put finished segments into the manifest's slab."""
    for identity, data in waiting:
        if manifest.room < len(data):
            yield from manifest.flush()
        manifest.slab.view[manifest.end : manifest.end + len(data)] = data
        manifest.put(identity, len(data))
    waiting.clear()
