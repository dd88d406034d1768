"""Reads file content into slabs and cuts it into chunks; knows nothing of names or manifests."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain

from proofkeep.backup.known import Known
from proofkeep.chunking import Chunker
from proofkeep.crypto.host_keys import IdKeys
from proofkeep.errors import CancelledError
from proofkeep.format.header import ObjectType
from proofkeep.model import Node
from proofkeep.ports import Cancelled, Reader, Source
from proofkeep.slabs import Piece, Slab, SlabPool

_NOTHING = memoryview(b"")
MOST_PIECES = 1 << 14  # of tiny files: what is known of a chunk takes more memory than the chunk itself


@dataclass(frozen=True, slots=True)
class Content:
    """What a file held: its chunk ids joined, the bytes read, extents as a flat array (empty without holes)."""

    chunks: bytes
    read: int
    extents: tuple[int, ...]


class SlabWriter:
    """Fills slabs with chunks of one type and lets go of those in which something is new."""

    def __init__(self, pool: SlabPool, known: Known, kind: ObjectType) -> None:
        self._pool = pool
        self._known = known
        self._type = kind
        self._slab: Slab | None = None
        self._end = 0
        self.new_chunks = 0
        self.new_bytes = 0

    @property
    def slab(self) -> Slab:
        """The slab being filled."""
        if self._slab is None:
            self._slab = self._pool.acquire(self._type)
        return self._slab

    @property
    def end(self) -> int:
        """Where the slab's content ends."""
        return self._end

    @property
    def room(self) -> int:
        """Bytes left in the slab."""
        return self._pool.size - self._end

    def fits(self, size: int) -> bool:
        """Whether a chunk of `size` bytes may come in behind what the slab holds, and another one after it."""
        return size < self.room and (self._slab is None or len(self._slab.pieces) < MOST_PIECES)

    def advance(self, length: int) -> None:
        """So many bytes were put behind the content."""
        self._end += length

    def add(self, piece: Piece) -> None:
        """A chunk lies in the slab."""
        self.slab.pieces.append(piece)

    def put(self, identity: bytes, length: int) -> None:
        """A chunk lies right behind the content, and belongs to it from now on."""
        self.slab.pieces.append(Piece(identity, self._end, length))
        self._end += length

    def flush(self, keep_from: int | None = None) -> Iterator[Slab]:
        """Let the slab go, carrying the bytes from `keep_from` over to the next one."""
        slab, end = self._slab, self._end
        if slab is None:
            return
        tail = bytes(slab.view[keep_from:end]) if keep_from is not None else b""
        slab.pieces = self._known.keep_new(slab.pieces)
        self._slab, self._end = None, 0
        if slab.pieces:
            self.new_chunks += len(slab.pieces)
            self.new_bytes += sum(piece.length for piece in slab.pieces)
            yield slab
        else:
            self._pool.release(slab)
        if tail:
            self.slab.view[: len(tail)] = tail
            self._end = len(tail)


class ContentReader:
    """Streams one file after the other into a slab writer.

    Attributes:
        writer: which it fills.
    """

    def __init__(
        self,
        writer: SlabWriter,
        chunker: Chunker,
        ids: IdKeys,
        cancelled: Cancelled,
        on_read: Callable[[int], None] = lambda _: None,
    ) -> None:
        """`on_read` is told now and then how much of a large file was read."""
        self.writer = writer
        self._chunker = chunker
        self._ids = ids
        self._cancelled = cancelled
        self._on_read = on_read

    def read_small(self, source: Source, node: Node) -> bytes | None:
        """The chunk id, if any, of a file of one chunk at most, put into room that the writer has.

        None, and nothing is put there, where the file takes a closer look.
        """
        writer, size = self.writer, node.size
        end = writer.end
        view = writer.slab.view[end : end + size] if size else _NOTHING
        if not source.read_whole(node, view):
            return None
        if not size:
            return b""
        identity = self._ids.chunk_id(view)
        writer.put(identity, size)
        return identity

    def read(self, reader: Reader, size: int) -> Iterator[Slab | Content]:
        """Full slabs on the way, the file's `Content` last. `size` is only a hint for placing small files."""
        writer = self.writer
        if not writer.fits(min(size, self._chunker.sizes.maximum)):
            yield from writer.flush()
        start, total, ids = writer.end, 0, bytearray()
        while True:
            if self._cancelled():
                raise CancelledError("run was cancelled while it read its source")
            if writer.room == 0:
                yield from writer.flush(keep_from=start)
                start = 0
            count = reader.readinto(writer.slab.view[writer.end :])
            writer.advance(count)
            total += count
            self._on_read(total)
            if count and writer.room:
                continue
            start = self._cut(start, ids, last=count == 0)
            if count == 0:
                break
        extents = reader.extents() or ()
        yield Content(bytes(ids), total, tuple(chain.from_iterable(extents)))

    def _cut(self, start: int, ids: bytearray, *, last: bool) -> int:
        writer = self.writer
        view = writer.slab.view
        position = start
        for offset, length in self._pieces(view[start : writer.end], last=last):
            identity = self._ids.chunk_id(view[start + offset : start + offset + length])
            writer.add(Piece(identity, start + offset, length))
            ids += identity
            position = start + offset + length
        return position

    def _pieces(self, content: memoryview, *, last: bool) -> Iterator[tuple[int, int]]:
        if last and 0 < len(content) <= self._chunker.sizes.minimum:
            yield 0, len(content)
        else:
            yield from self._chunker.cut(content, last=last)
