"""The frame table of a pack, as the pack seals it and the index repeats it (format.md section 7)."""

import struct
from collections.abc import Iterator

import msgspec

from proofkeep.crypto.sealing import OVERHEAD
from proofkeep.errors import MalformedError
from proofkeep.format.header import SIZE

MAX_FRAMES = 1 << 20
MAX_FRAME_PLAIN = 8 << 20
_COUNT = struct.Struct(">I")
_FRAME = struct.Struct(">IIIB")
_CHUNK = struct.Struct(">32sI")


class FrameRow(msgspec.Struct, frozen=True, gc=False):
    """One frame: where its sealed bytes lie in the pack, and what they open to."""

    index: int
    offset: int
    sealed_length: int
    plain_length: int
    codec: int


class ChunkRow(msgspec.Struct, frozen=True, gc=False):
    """One chunk: its id, its frame's number, its place and length in the frame's plaintext."""

    id: bytes
    frame: int
    offset: int
    length: int


class Table(msgspec.Struct):
    """Frames and chunks of one pack, in order."""

    frames: list[FrameRow]
    chunks: list[ChunkRow]

    @property
    def end(self) -> int:
        """Offset behind the last frame, where the sealed table begins."""
        if not self.frames:
            return SIZE
        return self.frames[-1].offset + self.frames[-1].sealed_length


class TableWriter:
    """Collects rows while frames are sealed one behind the other."""

    def __init__(self) -> None:
        self._frames: list[bytes] = []
        self._chunks: list[bytes] = []
        self.end = SIZE

    @property
    def frame_count(self) -> int:
        """Frames so far; the next frame's index."""
        return len(self._frames)

    @property
    def chunk_count(self) -> int:
        """Chunks so far."""
        return len(self._chunks)

    def add(self, sealed_length: int, plain_length: int, codec: int, chunks: list[tuple[bytes, int]]) -> None:
        """Append a frame that holds `chunks` (id, length) from its start."""
        self._frames.append(_FRAME.pack(sealed_length, plain_length, len(chunks), codec))
        self._chunks.extend([_CHUNK.pack(identity, length) for identity, length in chunks])
        self.end += sealed_length

    def encode(self) -> bytes:
        """The table without padding."""
        return b"".join((_COUNT.pack(len(self._frames)), *self._frames, _COUNT.pack(len(self._chunks)), *self._chunks))


def decode_table(data: bytes | memoryview, subject: str) -> Table:
    """Rows of a table; zero padding may follow them.

    Raises:
        MalformedError: counts, limits or tiling do not hold, or padding is not zero.
    """
    frames, counts, position = _decode_frames(data, subject)
    (count,) = _unpack_count(data, position, subject)
    position += _COUNT.size
    end = position + count * _CHUNK.size
    if count != sum(counts) or end > len(data):
        raise MalformedError(f"table of {subject} states {count} chunks it does not hold")
    if bytes(data[end:]) != bytes(len(data) - end):
        raise MalformedError(f"table of {subject} has padding that is not zero")
    rows = _CHUNK.iter_unpack(data[position:end])
    return Table(frames, list(_tile(frames, counts, rows, subject)))


def _unpack_count(data: bytes | memoryview, position: int, subject: str) -> tuple[int]:
    if position + _COUNT.size > len(data):
        raise MalformedError(f"table of {subject} ends early")
    (count,) = _COUNT.unpack_from(data, position)
    return (count,)


def _decode_frames(data: bytes | memoryview, subject: str) -> tuple[list[FrameRow], list[int], int]:
    (count,) = _unpack_count(data, 0, subject)
    end = _COUNT.size + count * _FRAME.size
    if not 0 < count <= MAX_FRAMES or end > len(data):
        raise MalformedError(f"table of {subject} states {count} frames it does not hold")
    frames, counts, offset = [], [], SIZE
    for index, (sealed, plain, chunks, codec) in enumerate(_FRAME.iter_unpack(data[_COUNT.size : end])):
        if not 0 < plain <= MAX_FRAME_PLAIN or not OVERHEAD < sealed <= plain + OVERHEAD or chunks == 0:
            raise MalformedError(f"frame {index} of {subject} is beyond the limits")
        frames.append(FrameRow(index, offset, sealed, plain, codec))
        counts.append(chunks)
        offset += sealed
    return frames, counts, end


def _tile(
    frames: list[FrameRow], counts: list[int], rows: Iterator[tuple[bytes, int]], subject: str
) -> Iterator[ChunkRow]:
    for frame, count in zip(frames, counts, strict=True):
        offset = 0
        for _ in range(count):
            identity, length = next(rows)
            yield ChunkRow(identity, frame.index, offset, length)
            offset += length
        if offset != frame.plain_length:
            raise MalformedError(f"chunks of frame {frame.index} of {subject} do not tile it")
