"""Packs: frames of chunks in one object (format.md section 7)."""

import struct

from proofkeep.compression import decompress
from proofkeep.crypto.sealing import OVERHEAD
from proofkeep.errors import MalformedError, TruncatedError
from proofkeep.format.header import SIZE, Context, FrameKind
from proofkeep.format.sizes import MAX_PACK
from proofkeep.format.table import FrameRow, Table, TableWriter, decode_table

FULL_PACK = 8 << 20
FULL_STEP = 256 << 10
_TRAILER = struct.Struct(">QIIII")
TRAILER_SEALED = _TRAILER.size + OVERHEAD


def padded_size(size: int) -> int:
    """Length of an object whose content needs `size` bytes: a multiple of 256 KiB from 8 MiB on, Padmé below."""
    if size >= FULL_PACK:
        return -(-size // FULL_STEP) * FULL_STEP
    exponent = size.bit_length() - 1
    step = 1 << max(0, exponent - exponent.bit_length())
    return -(-size // step) * step


def seal_end(context: Context, table: TableWriter) -> bytes:
    """Sealed table and trailer: the bytes that follow the last frame and bring the pack to its padded size."""
    rows = table.encode()
    least = table.end + len(rows) + OVERHEAD + TRAILER_SEALED
    plain = rows + bytes(padded_size(least) - least)
    trailer = _TRAILER.pack(table.end, len(plain), table.frame_count, table.chunk_count, 0)
    return b"".join(
        (
            context.seal(FrameKind.TABLE, 0, len(plain), 0, plain),
            context.seal(FrameKind.TRAILER, 0, len(trailer), 0, trailer),
        )
    )


def read_trailer(context: Context, end: bytes | memoryview, size: int, subject: str) -> tuple[int, int, int, int]:
    """Offset and plain length of the table, frame count, chunk count; `end` is the pack's tail, `size` its length.

    Raises:
        TruncatedError, AuthenticationError, MalformedError.
    """
    if size < SIZE + OVERHEAD + TRAILER_SEALED or len(end) < TRAILER_SEALED:
        raise TruncatedError(f"{subject} is shorter than a pack")
    sealed = memoryview(end)[-TRAILER_SEALED:]
    plain = context.open(FrameKind.TRAILER, 0, _TRAILER.size, 0, sealed, f"trailer of {subject}")
    offset, length, frames, chunks, zero = _TRAILER.unpack(plain)
    if zero:
        raise MalformedError(f"trailer of {subject} has a reserved field that is not zero")
    if offset + length + OVERHEAD + TRAILER_SEALED != size:
        raise TruncatedError(f"{subject} has {size} bytes, its trailer states another length")
    return offset, length, frames, chunks


def open_table(context: Context, sealed: bytes | memoryview, length: int, subject: str) -> Table:
    """The table from its sealed bytes. Raises `AuthenticationError` or `MalformedError`."""
    return decode_table(context.open(FrameKind.TABLE, 0, length, 0, sealed, f"table of {subject}"), subject)


def read_table(context: Context, pack: bytes | memoryview, subject: str) -> Table:
    """Trailer and table of a whole pack in memory, checked against each other and the pack's length.

    Raises:
        TruncatedError, AuthenticationError, MalformedError.
    """
    size = len(pack)
    if size > MAX_PACK:
        raise MalformedError(f"{subject} has {size} bytes, beyond the limit")
    offset, length, frames, chunks = read_trailer(context, pack, size, subject)
    view = memoryview(pack)
    table = open_table(context, view[offset : offset + length + OVERHEAD], length, subject)
    if (len(table.frames), len(table.chunks), table.end) != (frames, chunks, offset):
        raise MalformedError(f"table of {subject} differs from its trailer")
    return table


def open_frame(context: Context, frame: FrameRow, sealed: bytes | memoryview, subject: str) -> bytes:
    """The plaintext of one frame. Raises `AuthenticationError` or `MalformedError`."""
    name = f"frame {frame.index} of {subject}"
    packed = context.open(FrameKind.FRAME, frame.index, frame.plain_length, frame.codec, sealed, name)
    return decompress(frame.codec, packed, frame.plain_length, name)
