"""Section 1 as a writer sees it: fixed random bytes, KDF, canonical JSON, MessagePack, and zstd frames made by hand."""

import hashlib
import hmac
import json
import struct
from collections.abc import Mapping
from typing import Any


def fixed(label: str, count: int) -> bytes:
    """The first `count` bytes of SHA-256 over the label and a counter; stands for what a writer draws at random."""
    blocks = (hashlib.sha256(f"proofkeep vectors/{label}/{i}".encode()).digest() for i in range(-(-count // 32)))
    return b"".join(blocks)[:count]


def mac(key: bytes, message: bytes) -> bytes:
    """HMAC-SHA-256."""
    return hmac.digest(key, message, "sha256")


def kdf(key: bytes, label: str, context: bytes, bits: int) -> bytes:
    """SP 800-108r1 in counter mode with HMAC-SHA-256, the counter before the fixed data."""
    data = label.encode() + b"\0" + context + struct.pack(">I", bits)
    return b"".join(mac(key, struct.pack(">I", i + 1) + data) for i in range(-(-bits // 256)))[: bits // 8]


def canonical(value: object) -> bytes:
    """Canonical JSON."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()


def with_mac(members: Mapping[str, Any], key: bytes) -> bytes:
    """A document whose `mac` holds."""
    return canonical({**members, "mac": mac(key, canonical(members)).hex()})


def pack(value: Any) -> bytes:
    """MessagePack in its one form."""
    if value is None or isinstance(value, bool):
        return {None: b"\xc0", False: b"\xc2", True: b"\xc3"}[value]
    if isinstance(value, int):
        return pack_integer(value)
    if isinstance(value, bytes):
        return pack_length(len(value), None, 0, (0xC4, 0xC5, 0xC6)) + value
    if isinstance(value, str):
        data = value.encode()
        return pack_length(len(data), 0xA0, 32, (0xD9, 0xDA, 0xDB)) + data
    if isinstance(value, list | tuple):
        return pack_length(len(value), 0x90, 16, (None, 0xDC, 0xDD)) + b"".join(map(pack, value))
    rows = sorted((pack(name), name.encode(), pack(member)) for name, member in value.items())
    rows.sort(key=lambda row: row[1])
    return pack_length(len(value), 0x80, 16, (None, 0xDE, 0xDF)) + b"".join(name + member for name, _, member in rows)


def pack_integer(value: int) -> bytes:
    """The shortest form; what is not negative is unsigned."""
    if -0x20 <= value < 0x80:
        return struct.pack(">b", value) if value < 0 else bytes([value])
    if value > 0:
        tag, layout = next(
            (tag, layout)
            for tag, layout, bits in ((0xCC, "B", 8), (0xCD, "H", 16), (0xCE, "I", 32), (0xCF, "Q", 64))
            if value >> bits == 0
        )
    else:
        tag, layout = next(
            (tag, layout)
            for tag, layout, bits in ((0xD0, "b", 7), (0xD1, "h", 15), (0xD2, "i", 31), (0xD3, "q", 63))
            if value >= -1 << bits
        )
    return bytes([tag]) + struct.pack(f">{layout}", value)


def pack_length(length: int, short: int | None, bound: int, tags: tuple[int | None, int, int]) -> bytes:
    if short is not None and length < bound:
        return bytes([short | length])
    if tags[0] is not None and length < 1 << 8:
        return bytes([tags[0], length])
    if length < 1 << 16:
        return bytes([tags[1]]) + struct.pack(">H", length)
    return bytes([tags[2]]) + struct.pack(">I", length)


def zstd_of_zeros(count: int, *, stated: bool = True) -> bytes:
    """A zstd frame (RFC 8878) of `count` zero bytes in RLE blocks, its content size stated or not."""
    blocks: list[bytes] = []
    while count > 0 or not blocks:
        length = min(count, 128 * 1024)
        count -= length
        blocks.append(struct.pack("<I", length << 3 | 1 << 1 | (count == 0))[:3] + b"\0")
    return zstd_header(sum(int.from_bytes(block[:3], "little") >> 3 for block in blocks), stated=stated) + b"".join(
        blocks
    )


def zstd_header(size: int, *, stated: bool) -> bytes:
    """Magic and frame header: a single segment of a stated size, or a window of 8 MiB and no size."""
    if stated:
        return b"\x28\xb5\x2f\xfd" + b"\xa0" + struct.pack("<I", size)
    return b"\x28\xb5\x2f\xfd" + b"\x00" + bytes([13 << 3])
