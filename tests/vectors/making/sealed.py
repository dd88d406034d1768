"""Vectors of section 6: headers, sealed frames and objects with a single body."""

import struct
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from tests.vectors.making.encoding import fixed, pack, zstd_of_zeros
from tests.vectors.making.sealing import FRAME, INDEX, ZSTD, Object, body, under_index_key
from tests.vectors.making.vector import Vector
from tests.vectors.making.world import INDEX_KEY, KEY_ID, REPOSITORY, WRITER

MIB = 1 << 20


def headers() -> Iterator[Vector]:
    good = Object("header", number=5)
    fields = {"type": 1, "repository": REPOSITORY, "writer": WRITER, "key_id": KEY_ID, "number": 5}
    fields |= {"salt": good.salt, "commitment": good.derived[32:]}
    cases: list[tuple[str, int, str, Object, str]] = [
        ("header", 6, "A content pack's header.", good, "ok"),
        ("header_bad_magic", 6, "PKeq for PKep.", replace(good, magic=b"PKeq"), "malformed"),
        ("header_version_2", 1, "Version 2.", replace(good, version=2), "version-unsupported"),
        ("header_unknown_type", 6, "Type 8.", replace(good, stated_type=8), "malformed"),
    ]
    for name, section, comment, where, expect in cases:
        yield Vector(
            name, section, "header", comment, {"object": where.header}, fields if expect == "ok" else None, expect
        )


def sealed_frames() -> Iterator[Vector]:
    where = Object("sealed frame")

    def frame(name: str, comment: str, length: int, codec: int, data: bytes, plain: bytes | None) -> Vector:
        inputs: dict[str, Any] = {"object_key": where.derived[:32], "header": where.header, "kind": FRAME, "index": 3}
        inputs |= {"plain_length": length, "codec": codec, "sealed": where.seal(FRAME, 3, length, codec, data)}
        result = {"plain": plain, "associated_data": where.associated_data(FRAME, 3, length, codec)}
        return Vector(
            name,
            6,
            "sealed_frame",
            comment,
            inputs,
            None if plain is None else result,
            "malformed" if plain is None else "ok",
        )

    content = fixed("frame", 100)
    yield frame("sealed_frame", "A stored frame and its associated data.", 100, 0, content, content)
    bomb = zstd_of_zeros(8 * MIB, stated=False)
    comment = "Plain length 1,000; the zstd frame holds 8 MiB of zeros and does not say so."
    yield frame("frame_decompression_bomb", comment, 1000, ZSTD, bomb, None)
    zeros = zstd_of_zeros(1000)
    yield frame("frame_lying_length", "Plain length 1,001; the zstd frame gives 1,000.", 1001, ZSTD, zeros, None)
    yield frame("frame_zstd_trailing", "One byte behind the zstd frame.", 1000, ZSTD, zeros + b"\0", None)


def bodies() -> Iterator[Vector]:
    where = under_index_key("body", INDEX)
    plain = pack({"packs": [], "supersedes": []})
    good = body(where, plain)

    def whole(name: str, comment: str, data: bytes, expect: str = "ok") -> Vector:
        result = {"plain": plain} if expect == "ok" else None
        return Vector(name, 6, "body", comment, {"object": data, "key": INDEX_KEY}, result, expect)

    yield whole("sealed_body", "An empty index, stored.", good)
    yield whole("body_trailing_byte", "One byte behind the body.", good + b"\0", "truncated")
    yield whole("body_truncated", "The last byte is missing.", good[:-1], "truncated")
    zeros = zstd_of_zeros(64 * MIB + 1)
    large = body(where, b"", stated_length=64 * MIB + 1, codec=ZSTD, data=zeros)
    assert struct.unpack(">I", large[128:132]) == (64 * MIB + 1,)
    yield whole("body_too_large", "64 MiB and one byte of zeros, sealed and compressed as is due.", large, "malformed")


def vectors() -> Iterator[Vector]:
    """All vectors of this module."""
    yield from headers()
    yield from sealed_frames()
    yield from bodies()
