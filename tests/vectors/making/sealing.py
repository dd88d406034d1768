"""Sections 6 to 8 as a writer sees them: headers, bodies, packs and index rows with fixed salts and nonces."""

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tests.vectors.making.encoding import fixed, kdf, mac, pack
from tests.vectors.making.world import (
    CHUNK_ID_KEY,
    DATA_KEY,
    INDEX_KEY,
    INDEX_KEY_ID,
    KEY_ID,
    REPOSITORY,
    SEGMENT_ID_KEY,
    WRITER,
    sha256,
)

CONTENT, SEGMENTS, INDEX, FACTS, ROOTS, LOCKS = range(1, 7)
FRAME, TABLE, TRAILER, BODY = range(1, 5)
STORED, ZSTD = 0, 1


@dataclass(frozen=True)
class Object:
    """The header's fields and the key that an object is sealed under; `label` fixes salt and nonces."""

    label: str
    type: int = CONTENT
    number: int = 0
    repository: bytes = REPOSITORY
    writer: bytes = WRITER
    key_id: bytes = KEY_ID
    key: bytes = DATA_KEY
    version: int = 1
    magic: bytes = b"PKep"
    stated_type: int | None = None

    @property
    def salt(self) -> bytes:
        return fixed(f"salt/{self.label}", 32)

    @property
    def derived(self) -> bytes:
        """Object key and commitment."""
        context = self.repository + self.key_id + struct.pack(">H", self.type) + self.salt
        return kdf(self.key, "proofkeep/v1/object", context, 512)

    @property
    def header(self) -> bytes:
        stated = self.type if self.stated_type is None else self.stated_type
        fields = struct.pack(">4sHH16s16s16sQ", self.magic, self.version, stated, *self.place, self.number)
        return fields + self.salt + self.derived[32:]

    @property
    def place(self) -> tuple[bytes, bytes, bytes]:
        return self.repository, self.writer, self.key_id

    def seal(self, kind: int, index: int, plain_length: int, codec: int, data: bytes) -> bytes:
        nonce = fixed(f"nonce/{self.label}/{kind}/{index}", 12)
        return nonce + AESGCM(self.derived[:32]).encrypt(
            nonce, data, self.associated_data(kind, index, plain_length, codec)
        )

    def associated_data(self, kind: int, index: int, plain_length: int, codec: int) -> bytes:
        return sha256(self.header) + struct.pack(">BIIB", kind, index, plain_length, codec)


def under_index_key(label: str, kind: int, number: int = 0, **changes: Any) -> Object:
    """An index, facts or locks object of epoch 1."""
    return replace(Object(label, kind, number, key_id=INDEX_KEY_ID, key=INDEX_KEY), **changes)


def body(
    where: Object, plain: bytes, *, stated_length: int | None = None, codec: int = STORED, data: bytes | None = None
) -> bytes:
    length = len(plain) if stated_length is None else stated_length
    sealed = where.seal(BODY, 0, length, codec, plain if data is None else data)
    return where.header + struct.pack(">IBI", length, codec, len(sealed)) + sealed


@dataclass(frozen=True)
class Frame:
    """The chunks of one frame; `data` is its compressed form where codec is 1."""

    chunks: Sequence[bytes]
    codec: int = STORED
    data: bytes | None = None

    @property
    def plain(self) -> bytes:
        return b"".join(self.chunks)


def padded(length: int) -> int:
    """Section 7: a multiple of 256 KiB from 8 MiB on, below it Padme length."""
    if length >= 8 << 20:
        return -(-length // (256 << 10)) * (256 << 10)
    exponent = length.bit_length() - 1
    step = 1 << (exponent - exponent.bit_length())
    return -(-length // step) * step


@dataclass(frozen=True)
class Pack:
    """One pack and every place where a vector makes it lie; the hooks take and return what is due."""

    where: Object
    frames: Sequence[Frame]
    gap_before_table: bytes = b""
    rows: Callable[[bytes], bytes] = field(default=lambda rows: rows)
    padding: Callable[[bytes], bytes] = field(default=lambda padding: padding)
    trailer: Callable[[bytes], bytes] = field(default=lambda trailer: trailer)

    def id_of(self, chunk: bytes) -> bytes:
        return mac(SEGMENT_ID_KEY if self.where.type == SEGMENTS else CHUNK_ID_KEY, chunk)

    def sealed_frames(self) -> list[bytes]:
        return [
            self.where.seal(FRAME, i, len(f.plain), f.codec, f.plain if f.data is None else f.data)
            for i, f in enumerate(self.frames)
        ]

    def table(self) -> bytes:
        """The table's rows without padding."""
        rows = [
            struct.pack(">IIIB", len(sealed), len(frame.plain), len(frame.chunks), frame.codec)
            for sealed, frame in zip(self.sealed_frames(), self.frames, strict=True)
        ]
        chunks = [chunk for frame in self.frames for chunk in frame.chunks]
        chunk_rows = [self.id_of(chunk) + struct.pack(">I", len(chunk)) for chunk in chunks]
        table = struct.pack(">I", len(rows)) + b"".join(rows) + struct.pack(">I", len(chunks)) + b"".join(chunk_rows)
        return self.rows(table)

    def object(self, *, frames: Sequence[bytes] | None = None) -> bytes:
        """The pack's bytes, with these sealed frames in place of its own."""
        sealed = b"".join(self.sealed_frames() if frames is None else frames) + self.gap_before_table
        table = self.table()
        bare = 128 + len(sealed) + 28 + len(table) + 52
        table += self.padding(bytes(padded(bare) - bare))
        offset = 128 + len(sealed)
        counts = (len(self.frames), sum(len(frame.chunks) for frame in self.frames))
        trailer = self.trailer(struct.pack(">QIIII", offset, len(table), *counts, 0))
        sealed_table = self.where.seal(TABLE, 0, len(table), STORED, table)
        return self.where.header + sealed + sealed_table + self.where.seal(TRAILER, 0, len(trailer), STORED, trailer)

    @property
    def name(self) -> str:
        return f"packs/{self.where.writer.hex()}/{self.where.key_id.hex()}/{self.where.number:08x}"

    def index_row(self, retain_until: int | None = None) -> list[Any]:
        where = self.where
        size = len(self.object())
        return [where.writer, where.key_id, where.number, where.header, size, retain_until, self.table()]


def index_object(rows: Sequence[Any], number: int = 0, writer: bytes = WRITER, label: str = "index") -> bytes:
    where = under_index_key(f"{label}/{number}", INDEX, number, writer=writer)
    return body(where, pack({"packs": list(rows), "supersedes": []}))
