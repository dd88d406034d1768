"""Vectors of section 7: packs that open, and packs that lie in one place each."""

import struct
from collections.abc import Iterator
from dataclasses import replace

from tests.vectors.making.encoding import fixed, zstd_of_zeros
from tests.vectors.making.sealing import SEGMENTS, ZSTD, Frame, Object, Pack, padded
from tests.vectors.making.vector import Repeated, Vector
from tests.vectors.making.world import (
    CHUNK_ID_KEY,
    DATA_KEY,
    OTHER_REPOSITORY,
    OTHER_WRITER,
    REPOSITORY,
    SEGMENT_ID_KEY,
    chunk_id,
)

MIB = 1 << 20

ONE, TWO, THREE = fixed("chunk 1", 40), fixed("chunk 2", 25), fixed("chunk 3", 40)
PLAIN = Pack(Object("pack"), [Frame([ONE])])
TWO_FRAMES = Pack(Object("pack of two frames", number=1), [Frame([ONE]), Frame([THREE])])


def vector(
    name: str,
    comment: str,
    pack: Pack,
    expect: str = "ok",
    *,
    data: bytes | None = None,
    place: str | None = None,
    section: int = 7,
) -> Vector:
    inputs = {
        "name": place or pack.name,
        "repository": REPOSITORY,
        "data_key": DATA_KEY,
        "id_key": SEGMENT_ID_KEY if pack.where.type == SEGMENTS else CHUNK_ID_KEY,
        "object": pack.object() if data is None else data,
    }
    chunks = [{"id": pack.id_of(chunk), "content": chunk} for frame in pack.frames for chunk in frame.chunks]
    return Vector(name, section, "pack", comment, inputs, {"chunks": chunks} if expect == "ok" else None, expect)


def good() -> Iterator[Vector]:
    yield vector("pack", "One chunk in one stored frame.", PLAIN)
    several = Pack(Object("pack of several", SEGMENTS, number=2), [Frame([ONE, TWO]), Frame([THREE])])
    yield vector("pack_two_frames", "A segment pack: two segments in the first frame, one in the second.", several)
    stored = Pack(Object("stored pack"), [Frame([ONE, TWO, THREE])])
    yield vector("pack_stored_frame", "Three chunks in one stored frame.", stored)
    zeros = Frame([bytes(300_000), bytes(5)], ZSTD, zstd_of_zeros(300_005))
    yield vector(
        "pack_zstd_frame", "Two chunks of zeros in one zstd frame of RLE blocks.", Pack(Object("zstd pack"), [zeros])
    )
    lengths = [208, 209, 255, 256, 4096, 4097, 5000, 65_535, 1_000_000, 8 * MIB - 1, 8 * MIB, 8 * MIB + 1, 33_000_000]
    sizes = {"sizes": [padded(length) for length in lengths]}
    yield Vector("padded_sizes", 7, "padded_sizes", "On both sides of 8 MiB.", {"lengths": lengths}, sizes)


def cut_and_moved() -> Iterator[Vector]:
    whole = PLAIN.object()
    first = 128 + 12
    yield vector(
        "pack_truncated",
        "16 bytes of the first frame are missing.",
        PLAIN,
        "truncated",
        data=whole[:first] + whole[first + 16 :],
    )
    yield vector(
        "pack_gap",
        "16 zero bytes between table and trailer.",
        PLAIN,
        "truncated",
        data=whole[:-52] + bytes(16) + whole[-52:],
    )
    yield vector("pack_cut_off", "The last byte is missing.", PLAIN, "authentication", data=whole[:-1])
    yield vector("pack_extended", "One byte behind the trailer.", PLAIN, "authentication", data=whole + b"\0")
    flipped = bytearray(whole)
    flipped[first] ^= 0x10
    yield vector(
        "pack_bit_flip", "One bit of the first frame's ciphertext.", PLAIN, "authentication", data=bytes(flipped)
    )
    frames = TWO_FRAMES.sealed_frames()
    exchanged = TWO_FRAMES.object(frames=frames[::-1])
    yield vector(
        "pack_frames_reordered", "Two frames of one length, exchanged.", TWO_FRAMES, "authentication", data=exchanged
    )
    foreign = Pack(Object("pack of another number", number=2), [Frame([ONE])]).sealed_frames()
    spliced = TWO_FRAMES.object(frames=[foreign[0], frames[1]])
    yield vector(
        "pack_frame_spliced",
        "The first frame of another pack under the same data key.",
        TWO_FRAMES,
        "authentication",
        data=spliced,
    )


def swapped() -> Iterator[Vector]:
    counter = replace(PLAIN, where=replace(PLAIN.where, number=1)).name
    yield vector(
        "pack_swapped_counter", "Pack 0 under the name of pack 1.", PLAIN, "authentication", place=counter, section=2
    )
    writer = replace(PLAIN, where=replace(PLAIN.where, writer=OTHER_WRITER)).name
    yield vector(
        "pack_swapped_writer", "A pack under another writer's name.", PLAIN, "authentication", place=writer, section=2
    )
    other = Pack(replace(PLAIN.where, repository=OTHER_REPOSITORY), [Frame([ONE])])
    yield vector(
        "pack_other_repository",
        "A pack sealed for another repository under the same data key.",
        other,
        "authentication",
    )
    confused = bytearray(PLAIN.object())
    confused[7] = SEGMENTS
    yield vector(
        "pack_type_confusion",
        "A content pack whose header says segment pack.",
        PLAIN,
        "authentication",
        data=bytes(confused),
    )
    commitment = bytearray(PLAIN.object())
    commitment[127] ^= 1
    comment = "One bit of the key commitment; nothing may be opened."
    yield vector("pack_wrong_commitment", comment, PLAIN, "authentication", data=bytes(commitment), section=6)


def lying_tables() -> Iterator[Vector]:
    yield vector(
        "pack_count_mismatch",
        "The trailer counts two chunks, the table one.",
        replace(PLAIN, trailer=counts_of_chunks),
        "malformed",
    )
    gap = replace(PLAIN, gap_before_table=bytes(4))
    yield vector("pack_table_offset", "Four bytes between the last frame and the table.", gap, "malformed")
    overlap = replace(PLAIN, frames=[Frame([ONE, TWO])], rows=longer_second_chunk)
    yield vector("pack_chunks_overlap", "The second chunk is one byte longer than its frame.", overlap, "malformed")
    dirty = replace(PLAIN, padding=lambda padding: padding[:-1] + b"\1")
    assert dirty.object() != PLAIN.object()
    yield vector("pack_padding_not_zero", "The padding's last byte is 1.", dirty, "malformed")
    reserved = replace(PLAIN, trailer=lambda trailer: trailer[:-1] + b"\1")
    yield vector("trailer_reserved_not_zero", "The trailer's last field is 1.", reserved, "malformed")
    lied = replace(PLAIN, rows=lambda rows: rows.replace(chunk_id(ONE), chunk_id(TWO)))
    yield vector("chunk_id_mismatch", "The table names the chunk by another chunk's id.", lied, "authentication")
    zeros = Frame([bytes(8 * MIB + 1)], ZSTD, zstd_of_zeros(8 * MIB + 1))
    large = Pack(Object("large frame"), [zeros])
    yield vector("frame_too_large", "A frame, and chunk, of 8 MiB and one byte.", large, "malformed", section=13)


def counts_of_chunks(trailer: bytes) -> bytes:
    offset, length, frames, _, reserved = struct.unpack(">QIIII", trailer)
    return struct.pack(">QIIII", offset, length, frames, 2, reserved)


def longer_second_chunk(rows: bytes) -> bytes:
    return rows[:-4] + struct.pack(">I", len(TWO) + 1)


def tables() -> Iterator[Vector]:
    count = (1 << 20) + 1
    frame_row, chunk_row = struct.pack(">IIIB", 29, 1, 1, 0), chunk_id(b"\0") + struct.pack(">I", 1)
    counted = struct.pack(">I", count)
    plain = Repeated([(counted, 1), (frame_row, count), (counted, 1), (chunk_row, count)])
    comment = "2^20 + 1 frames of one byte each."
    yield Vector("table_too_many_frames", 13, "table", comment, {"plain": plain}, None, "malformed")


def vectors() -> Iterator[Vector]:
    """All vectors of this module."""
    yield from good()
    yield from cut_and_moved()
    yield from swapped()
    yield from lying_tables()
    yield from tables()
