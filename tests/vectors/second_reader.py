"""A second reader of Proofkeep repositories, written from docs/format.md alone; it shares nothing with the engine.

    python second_reader.py list    STORE LEDGER SECRET
    python second_reader.py verify  STORE LEDGER SECRET [PRIVATE_KEY] [--head WRITER:SEQUENCE:SHA256 ...]
    python second_reader.py restore STORE LEDGER SECRET PRIVATE_KEY SNAPSHOT TARGET

STORE and LEDGER are directories, SECRET is the host secret's file (32 bytes), PRIVATE_KEY PEM without passphrase. It
reads whole objects into memory and is slow; it is here to be compared with, and to be read.
"""

import argparse
import contextlib
import functools
import hashlib
import hmac
import importlib
import itertools
import json
import os
import re
import struct
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

MIB = 1 << 20
CONTENT, SEGMENTS, INDEX, FACTS, ROOTS, LOCKS, HOST_LOCAL = range(1, 8)
FRAME, TABLE, TRAILER, BODY = range(1, 5)
FILE, DIRECTORY, SYMLINK, FIFO, CHARACTER_DEVICE, BLOCK_DEVICE, SOCKET, CONTINUATION = range(8)

Store = Mapping[str, bytes]
Unwrap = Callable[[Mapping[str, Any], Mapping[str, str]], bytes]


class Refused(Exception):  # noqa: N818 -- the format says "refuse"; its codes are in section 13
    """What was read breaks the format; `code` is one of section 13."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code


def require(condition: object, code: str, message: str) -> None:
    if not condition:
        raise Refused(code, message)


# Section 1: conventions: KDF, canonical JSON, MessagePack.


def mac(key: bytes, message: bytes) -> bytes:
    return hmac.digest(key, message, "sha256")


def kdf(key: bytes, label: str, context: bytes, bits: int) -> bytes:
    fixed = label.encode() + b"\0" + context + struct.pack(">I", bits)
    blocks = (mac(key, struct.pack(">I", i) + fixed) for i in range(1, (bits + 255) // 256 + 1))
    return b"".join(blocks)[: bits // 8]


def canonical(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False).encode()


def no_fractions(text: str) -> int:
    raise Refused("malformed", f"number {text[:20]} is no integer")


def document(data: bytes, **kinds: str) -> dict[str, Any]:
    """A canonical JSON object of version 1 whose members have these kinds; others are kept."""
    try:
        value = json.loads(data.decode("ascii"), parse_float=no_fractions, parse_constant=no_fractions)
    except (ValueError, RecursionError):
        raise Refused("malformed", "no JSON") from None
    require(isinstance(value, dict) and type(value.get("v")) is int, "malformed", "no JSON object with a version")
    require(value["v"] == 1, "version-unsupported", f"version {value['v']}")
    require(canonical(value) == data, "malformed", "JSON is not canonical")
    return checked(value, kinds)


def checked(value: dict[str, Any], kinds: Mapping[str, str]) -> dict[str, Any]:
    for name, kind in kinds.items():
        require(name in value and is_a(value[name], kind), "malformed", f"member {name} is not of kind {kind}")
    return value


def sized(value: object, length: int) -> bool:
    return isinstance(value, bytes) and len(value) == length


def number(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def matching(pattern: str) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, str) and re.fullmatch(pattern, value, re.ASCII) is not None


KINDS: dict[str, Callable[[Any], bool]] = {
    "int": number,
    "count": lambda value: number(value) and value >= 0,
    "flag": lambda value: isinstance(value, bool),
    "text": lambda value: isinstance(value, str),
    "list": lambda value: isinstance(value, list),
    "map": lambda value: isinstance(value, dict),
    "bytes": lambda value: isinstance(value, bytes),
    "id": lambda value: sized(value, 16),
    "digest": lambda value: sized(value, 32),
    "header": lambda value: sized(value, 128),
    "set": lambda value: isinstance(value, list | bytes),
    "hex": matching(r"([0-9a-f]{2})*"),
    "hex16": matching(r"[0-9a-f]{32}"),
    "hex32": matching(r"[0-9a-f]{64}"),
    "instant": matching(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z"),
}


def is_a(value: object, kind: str) -> bool:
    return (kind.endswith("?") and value is None) or KINDS[kind.removesuffix("?")](value)


def shape(row: object, *kinds: str) -> list[Any]:
    """The first elements of an array, which have these kinds; later ones are ignored."""
    if not isinstance(row, list) or len(row) < len(kinds):
        raise Refused("malformed", "array is too short")
    for value, kind in zip(row, kinds, strict=False):
        require(is_a(value, kind), "malformed", f"array element is not of kind {kind}")
    return row[: len(kinds)]


CONSTANTS = {0xC0: None, 0xC2: False, 0xC3: True}
INTEGERS = {0xCC: (1, 0x80), 0xCD: (2, 0x100), 0xCE: (4, 1 << 16), 0xCF: (8, 1 << 32)}
NEGATIVES = {0xD0: (1, -0x20), 0xD1: (2, -0x80), 0xD2: (4, -1 << 15), 0xD3: (8, -1 << 31)}
LENGTHS = {0xC4: ("bin", 1, 0), 0xC5: ("bin", 2, 1 << 8), 0xC6: ("bin", 4, 1 << 16)}
LENGTHS |= {0xD9: ("str", 1, 32), 0xDA: ("str", 2, 1 << 8), 0xDB: ("str", 4, 1 << 16)}
LENGTHS |= {0xDC: ("array", 2, 16), 0xDD: ("array", 4, 1 << 16), 0xDE: ("map", 2, 16), 0xDF: ("map", 4, 1 << 16)}


class Unpacker:
    """MessagePack in its one form: shortest, keys in order, nothing behind the value."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def take(self, count: int) -> bytes:
        require(self.at + count <= len(self.data), "malformed", "MessagePack ends early")
        self.at += count
        return self.data[self.at - count : self.at]

    def value(self, depth: int = 0) -> Any:
        require(depth < 32, "malformed", "MessagePack is nested too deep")
        tag = self.take(1)[0]
        if tag <= 0x7F or tag >= 0xE0:
            return tag if tag <= 0x7F else tag - 0x100
        if tag in CONSTANTS:
            return CONSTANTS[tag]
        if tag in INTEGERS:
            width, least = INTEGERS[tag]
            number = int.from_bytes(self.take(width), "big")
            require(number >= least, "malformed", "integer is not in its shortest form")
            return number
        if tag in NEGATIVES:
            width, bound = NEGATIVES[tag]
            number = int.from_bytes(self.take(width), "big", signed=True)
            require(number < bound, "malformed", "integer is not in its shortest form")
            return number
        if tag < 0xC0:
            kind, count = ("map", tag & 15) if tag < 0x90 else ("array", tag & 15) if tag < 0xA0 else ("str", tag & 31)
            return self.counted(kind, count, depth)
        require(tag in LENGTHS, "malformed", f"MessagePack type {tag:#x}")
        kind, width, least = LENGTHS[tag]
        count = int.from_bytes(self.take(width), "big")
        require(count >= least, "malformed", "length is not in its shortest form")
        return self.counted(kind, count, depth)

    def counted(self, kind: str, count: int, depth: int) -> Any:
        if kind == "bin":
            return self.take(count)
        if kind == "str":
            try:
                return self.take(count).decode()
            except UnicodeDecodeError:
                raise Refused("malformed", "str is not UTF-8") from None
        if kind == "array":
            return [self.value(depth + 1) for _ in range(count)]
        result: dict[str, Any] = {}
        last = None
        for _ in range(count):
            key = self.value(depth + 1)
            require(isinstance(key, str), "malformed", "map key is no str")
            require(last is None or last.encode() < key.encode(), "malformed", "map keys are out of order")
            result[key] = self.value(depth + 1)
            last = key
        return result


def unpack(data: bytes) -> Any:
    reader = Unpacker(data)
    value = reader.value()
    require(reader.at == len(data), "malformed", "bytes after the MessagePack value")
    return value


# Section 4: host keys and keyed ids.

LABELS = {
    "index": 256,
    "ledger": 256,
    "chunk-id": 256,
    "segment-id": 256,
    "path-id": 256,
    "chunker-seed": 64,
    "entry-id": 256,
}


def epoch_secret(secret: bytes, repository: bytes, epoch: int, random: bytes) -> bytes:
    return mac(secret, b"proofkeep/v1/epoch\0" + repository + struct.pack(">I", epoch) + random)


def host_key(secret: bytes, name: str, repository: bytes, epoch: int) -> bytes:
    """The key `name` of LABELS, from the epoch secret E(epoch)."""
    return kdf(secret, f"proofkeep/v1/{name}", repository + struct.pack(">I", epoch), LABELS[name])


def file_digest(chunk_id_key: bytes, size: int, extents: Sequence[int], chunk_ids: bytes) -> bytes:
    head = b"file\0" + struct.pack(">QI", size, len(extents) // 2) + struct.pack(f">{len(extents)}Q", *extents)
    return mac(chunk_id_key, head + chunk_ids)


def check_mac(doc: Mapping[str, Any], key: bytes) -> None:
    rest = {name: value for name, value in doc.items() if name != "mac"}
    holds = hmac.compare_digest(mac(key, canonical(rest)).hex(), doc["mac"])
    require(holds, "authentication", "MAC does not hold")


# Section 5: wrapped keys of the local providers.

PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


def recipient_of(public_key: ec.EllipticCurvePublicKey | rsa.RSAPublicKey) -> str:
    """The URI of a recipient's public key; other curves, kinds and sizes are refused."""
    if isinstance(public_key, ec.EllipticCurvePublicKey):
        require(isinstance(public_key.curve, ec.SECP384R1), "policy", "curve is not P-384")
    else:
        large = 3072 <= public_key.key_size <= 8192 and public_key.public_numbers().e >= 65537
        require(large, "policy", "RSA key is too small")
    der = public_key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    scheme = "p384" if isinstance(public_key, ec.EllipticCurvePublicKey) else "rsa"
    return f"{scheme}:{hashlib.sha256(der).hexdigest()}"


def unwrap_local(private_key: PrivateKey, label: str, context: Mapping[str, str], ciphertext: bytes) -> bytes:
    """The 32 bytes that schemes 1 and 2 wrap; whatever does not hold is `key-mismatch`."""
    recipient = recipient_of(private_key.public_key())
    rsa_length = (private_key.key_size + 7) // 8
    scheme, length = (1, 97) if isinstance(private_key, ec.EllipticCurvePrivateKey) else (2, rsa_length)
    holds = len(ciphertext) == 3 + length + 60 and ciphertext[:3] == struct.pack(">BH", scheme, length)
    require(holds, "key-mismatch", "wrapped key is not of this key's scheme and length")
    encapsulation, sealed = ciphertext[3 : 3 + length], ciphertext[3 + length :]
    try:
        once = one_time_key(private_key, label, encapsulation)
        require(len(once) == 32, "key-mismatch", "one-time key is not 32 bytes")
        fingerprint = bytes.fromhex(recipient.partition(":")[2])
        bound = (
            struct.pack(">H", len(label))
            + label.encode()
            + fingerprint
            + ciphertext[: 3 + length]
            + canonical(dict(context))
        )
        return AESGCM(once).decrypt(sealed[:12], sealed[12:], bound)
    except (InvalidTag, ValueError):
        raise Refused("key-mismatch", f"wrapped key does not open under {recipient}") from None


def one_time_key(private_key: PrivateKey, label: str, encapsulation: bytes) -> bytes:
    """By ECDH and two-step key derivation (scheme 1), or by RSA-OAEP (scheme 2)."""
    if isinstance(private_key, rsa.RSAPrivateKey):
        return private_key.decrypt(encapsulation, padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None))
    shared = private_key.exchange(
        ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP384R1(), encapsulation)
    )
    uncompressed = serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
    ours = private_key.public_key().public_bytes(*uncompressed)
    return kdf(mac(bytes(64), shared), label, encapsulation + ours, 256)


def unwrap_with(private_key: PrivateKey) -> Unwrap:
    """How a repository's data keys are unwrapped by the holder of a private key."""

    def unwrap(wrapped: Mapping[str, Any], context: Mapping[str, str]) -> bytes:
        ours = wrapped["recipient"] == recipient_of(private_key.public_key())
        require(ours, "key-mismatch", "key is wrapped for another recipient")
        return unwrap_local(private_key, "proofkeep/v1/wrap/data-key", context, bytes.fromhex(wrapped["ciphertext"]))

    return unwrap


def load_private_key(pem: bytes) -> PrivateKey:
    key = serialization.load_pem_private_key(pem, password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey):
        raise Refused("policy", "private key is neither P-384 nor RSA")
    return key


# Section 6: sealed objects.


class Header(NamedTuple):
    type: int
    repository: bytes
    writer: bytes
    key_id: bytes
    number: int
    salt: bytes
    commitment: bytes
    raw: bytes


def parse_header(data: bytes) -> Header:
    require(len(data) >= 128, "truncated", "object is shorter than its header")
    magic, version, *rest = struct.unpack(">4sHH16s16s16sQ32s32s", data[:128])
    require(magic == b"PKep", "malformed", "magic")
    require(version == 1, "version-unsupported", f"version {version}")
    header = Header._make([*rest, data[:128]])
    require(CONTENT <= header.type <= HOST_LOCAL, "malformed", f"type {header.type}")
    return header


def object_key(key: bytes, header: Header) -> bytes:
    """Derive one object's key; the commitment is compared before anything is opened."""
    context = header.repository + header.key_id + struct.pack(">H", header.type) + header.salt
    derived = kdf(key, "proofkeep/v1/object", context, 512)
    require(hmac.compare_digest(derived[32:], header.commitment), "authentication", "key commitment does not hold")
    return derived[:32]


def associated_data(header: bytes, kind: int, index: int, plain_length: int, codec: int) -> bytes:
    return hashlib.sha256(header).digest() + struct.pack(">BIIB", kind, index, plain_length, codec)


def open_sealed(
    key: bytes, header: Header, kind: int, index: int, plain_length: int, codec: int, sealed: bytes
) -> bytes:
    require(codec in {0, 1}, "malformed", f"codec {codec}")
    require(len(sealed) >= 28, "malformed", "sealed bytes are too short")
    require(len(sealed) <= plain_length + 28, "malformed", "sealed bytes are longer than what they give")
    require(codec == 1 or len(sealed) == plain_length + 28, "malformed", "stored length is not the plain length")
    try:
        data = AESGCM(key).decrypt(
            sealed[:12], sealed[12:], associated_data(header.raw, kind, index, plain_length, codec)
        )
    except InvalidTag:
        raise Refused("authentication", "tag does not hold") from None
    return decompress(data, plain_length) if codec else data


@functools.cache
def zstd() -> Any:
    for name in ("compression.zstd", "backports.zstd", "pyzstd"):
        with contextlib.suppress(ImportError):
            return importlib.import_module(name)
    raise SystemExit("no zstd module is installed")


def decompress(data: bytes, length: int) -> bytes:
    module = zstd()
    decompressor = module.ZstdDecompressor(None, {100: 26})  # 100 is ZSTD_d_windowLogMax: 64 MiB, the largest body
    try:
        plain = decompressor.decompress(data, length + 1)
    except module.ZstdError:
        raise Refused("malformed", "no zstd frame") from None
    whole = len(plain) == length and decompressor.eof and not decompressor.unused_data
    require(whole, "malformed", "zstd frame does not give exactly the plain length")
    return bytes(plain)


def check_place(header: Header, types: Iterable[int], **expected: bytes | int) -> None:
    """The object is the one its name says."""
    require(header.type in set(types), "authentication", f"object has type {header.type}")
    for name, value in expected.items():
        require(getattr(header, name) == value, "authentication", f"object is of another {name} than its name")


def open_body(data: bytes, key: bytes) -> bytes:
    header = parse_header(data)
    require(len(data) >= 137, "truncated", "object is shorter than its lengths")
    plain_length, codec, sealed_length = struct.unpack(">IBI", data[128:137])
    require(plain_length <= 64 * MIB, "malformed", "body is too large")
    require(len(data) == 137 + sealed_length, "truncated", "object does not end with its body")
    return open_sealed(object_key(key, header), header, BODY, 0, plain_length, codec, data[137:])


# Section 7: packs.


class Frame(NamedTuple):
    offset: int
    sealed_length: int
    plain_length: int
    codec: int


class Chunk(NamedTuple):
    id: bytes
    frame: int
    offset: int
    length: int


class Table(NamedTuple):
    frames: list[Frame]
    chunks: list[Chunk]
    rest: bytes


def parse_table(plain: bytes) -> Table:
    def rows(at: int, layout: str, limit: int) -> tuple[list[tuple[Any, ...]], int]:
        size = struct.calcsize(layout)
        require(at + 4 <= len(plain), "malformed", "table ends early")
        (count,) = struct.unpack(">I", plain[at : at + 4])
        end = at + 4 + count * size
        require(1 <= count <= limit and end <= len(plain), "malformed", "table count")
        return list(struct.iter_unpack(layout, plain[at + 4 : end])), end

    frame_rows, at = rows(0, ">IIIB", 1 << 20)
    chunk_rows, at = rows(at, ">32sI", 64 * MIB)
    frames, chunks, offset = [], [], 128
    places = iter(chunk_rows)
    for number, (sealed_length, plain_length, count, codec) in enumerate(frame_rows):
        require(1 <= plain_length <= 8 * MIB and count >= 1 and codec in {0, 1}, "malformed", "frame row")
        require(codec == 1 or sealed_length == plain_length + 28, "malformed", "stored frame's length")
        frames.append(Frame(offset, sealed_length, plain_length, codec))
        offset += sealed_length
        begin = 0
        for chunk_id, length in itertools.islice(places, count):
            require(length >= 1, "malformed", "chunk is empty")
            chunks.append(Chunk(chunk_id, number, begin, length))
            begin += length
        require(begin == plain_length, "malformed", "chunks do not tile their frame")
    require(len(chunks) == len(chunk_rows), "malformed", "chunks without a frame")
    return Table(frames, chunks, plain[at:])


def open_pack(data: bytes, data_key: bytes, id_key: bytes) -> list[tuple[Chunk, bytes]]:
    """All chunks of a whole pack, each compared with its keyed id."""
    require(len(data) <= 64 * MIB, "malformed", "pack is too large")
    header = parse_header(data)
    key = object_key(data_key, header)
    require(len(data) >= 128 + 28 + 52, "truncated", "pack is shorter than its trailer")
    trailer = open_sealed(key, header, TRAILER, 0, 24, 0, data[-52:])
    offset, length, frame_count, chunk_count, reserved = struct.unpack(">QIIII", trailer)
    require(reserved == 0, "malformed", "reserved field of the trailer")
    require(len(data) == offset + length + 28 + 52, "truncated", "pack is not as long as its trailer says")
    require(offset >= 128, "malformed", "table offset")
    table = parse_table(open_sealed(key, header, TABLE, 0, length, 0, data[offset : offset + length + 28]))
    require(
        (len(table.frames), len(table.chunks)) == (frame_count, chunk_count),
        "malformed",
        "counts differ from the trailer's",
    )
    require(
        table.frames[-1].offset + table.frames[-1].sealed_length == offset,
        "malformed",
        "frames do not end at the table",
    )
    require(not any(table.rest), "malformed", "padding is not zero")
    plains = [open_frame(data, key, header, table, number) for number in range(frame_count)]
    return [(chunk, cut(plains[chunk.frame], chunk, id_key)) for chunk in table.chunks]


def open_frame(data: bytes, key: bytes, header: Header, table: Table, number: int) -> bytes:
    frame = table.frames[number]
    sealed = data[frame.offset : frame.offset + frame.sealed_length]
    require(len(sealed) == frame.sealed_length, "truncated", "pack ends within a frame")
    return open_sealed(key, header, FRAME, number, frame.plain_length, frame.codec, sealed)


def cut(plain: bytes, chunk: Chunk, id_key: bytes) -> bytes:
    content = plain[chunk.offset : chunk.offset + chunk.length]
    require(hmac.compare_digest(mac(id_key, content), chunk.id), "authentication", f"chunk {chunk.id.hex()} is another")
    return content


def padded_size(length: int) -> int:
    exponent = length.bit_length() - 1
    step = 256 * 1024 if length >= 8 * MIB else 1 << (exponent - exponent.bit_length())
    return -(-length // step) * step


# Section 8: index.


class Pack(NamedTuple):
    writer: bytes
    data_key: bytes
    counter: int
    header: Header
    size: int
    retain_until: int | None
    table: Table

    @property
    def name(self) -> str:
        return f"packs/{self.writer.hex()}/{self.data_key.hex()}/{self.counter:08x}"


def parse_index(plain: bytes, repository: bytes, writer: bytes) -> tuple[list[Pack], list[int]]:
    body = mapping(unpack(plain), packs="list", supersedes="list")
    packs = []
    for row in body["packs"]:
        owner, data_key, counter, raw, size, until, table = shape(
            row, "id", "id", "count", "header", "count", "count?", "bytes"
        )
        require(owner == writer, "authentication", "row of another writer")
        header = parse_header(raw)
        check_place(header, (CONTENT, SEGMENTS), repository=repository, writer=owner, key_id=data_key, number=counter)
        parsed = parse_table(table)
        require(not parsed.rest, "malformed", "bytes after the table")
        packs.append(Pack(owner, data_key, counter, header, size, until, parsed))
    shape(body["supersedes"], *["count"] * len(body["supersedes"]))
    return packs, body["supersedes"]


def mapping(value: object, **kinds: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise Refused("malformed", "no map")
    return checked(value, kinds)


# Section 9: manifest.


class Entry(NamedTuple):
    path: bytes
    kind: int
    mode: int
    uid: int
    gid: int
    mtime: int
    size: int
    chunks: bytes
    target: bytes
    hardlink: bytes
    xattrs: list[list[bytes]]
    rdev: int
    extents: list[int]
    owner: bytes
    group: bytes
    unread: str


class Child(NamedTuple):
    id: bytes
    length: int
    first: bytes | None
    last: bytes | None
    entries: int
    bytes: int


ENTRY = ("bytes", *["count"] * 4, "int", "count", *["bytes"] * 3, "list", "count", "list", "bytes", "bytes", "text")
CHILD = ("digest", "count", "bytes", "bytes", "count", "count")
ROOT = ("bytes", "digest", "count", "count", "count", "count")


def parse_segment(plain: bytes) -> tuple[int, list[Any]]:
    level, rows = shape(unpack(plain), "count", "list")
    require(level < 8, "malformed", f"level {level}")
    require(rows, "malformed", "segment is empty")
    if level:
        return level, [Child(*shape(row, *CHILD)) for row in rows]
    return level, [check_entry(Entry(*shape(row, *ENTRY))) for row in rows]


def check_entry(entry: Entry) -> Entry:
    components = split(entry.path)
    require(len(entry.path) <= MIB, "malformed", "path is too long")
    bad = b"\0" in entry.path or any(part in {b"", b".", b".."} for part in components)
    require(not bad, "unsafe-path", "path leaves the root")
    require(entry.kind <= CONTINUATION and entry.mode < 1 << 12, "malformed", "kind or mode")
    require(len(entry.chunks) % 32 == 0 and len(entry.hardlink) in {0, 16}, "malformed", "chunks or hard link")
    require(entry.kind == FILE or not entry.size, "malformed", "size of what is not a file")
    require(
        entry.kind in {FILE, CONTINUATION} or not (entry.chunks or entry.extents),
        "malformed",
        "content of what is no file",
    )
    require(
        entry.kind != CONTINUATION or not any((*entry[2:7], *entry[8:12], *entry[13:])), "malformed", "continuation"
    )
    require(
        all(is_a(number, "count") for number in entry.extents) and len(entry.extents) % 2 == 0, "malformed", "extents"
    )
    for pair in entry.xattrs:
        shape(pair, "bytes", "bytes")
    return entry


def split(path: bytes) -> list[bytes]:
    return path.split(b"/") if path else []


def check_extents(entry: Entry) -> None:
    end = 0
    for offset, length in pairs(entry.extents):
        require(offset >= end and length, "malformed", "extents overlap")
        end = offset + length
    require(end <= entry.size, "malformed", "extents pass the file's end")


def pairs(flat: Sequence[int]) -> Iterator[tuple[int, int]]:
    return zip(flat[::2], flat[1::2], strict=True)


def read_tree(told: Child, level: int, fetch: Callable[[bytes], bytes]) -> Iterator[Entry]:
    """The rows below one segment in walk order, each segment compared with what its parent says of it."""
    plain = fetch(told.id)
    require(len(plain) == told.length, "malformed", "segment has another length")
    found, rows = parse_segment(plain)
    require(found == level, "malformed", f"segment of level {found} where {level} is due")
    if level:
        counts = (sum(row.entries for row in rows), sum(row.bytes for row in rows))
    else:
        counts = (sum(row.kind != CONTINUATION for row in rows), sum(row.size for row in rows))
    ends = (rows[0].first, rows[-1].last) if level else (rows[0].path, rows[-1].path)
    require(counts == (told.entries, told.bytes), "malformed", "child's counts do not hold")
    require(told.first is None or ends == (told.first, told.last), "malformed", "child's range does not hold")
    for row in rows:
        yield from read_tree(row, level - 1, fetch) if level else [row]


def walk(root: object, fetch: Callable[[bytes], bytes]) -> Iterator[Entry]:
    """The entries below one root, continuations joined to their files; paths begin with the root's prefix."""
    prefix, segment, length, level, entries, size = shape(root, *ROOT)
    require(level < 8, "malformed", f"level {level}")
    ancestors: list[Entry] = []
    entry: Entry | None = None
    for row in read_tree(Child(segment, length, None, None, entries, size), level, fetch):
        if row.kind == CONTINUATION:
            if entry is None or entry.kind != FILE or entry.path != row.path:
                raise Refused("malformed", "continuation without its file")
            entry = entry._replace(chunks=entry.chunks + row.chunks, extents=entry.extents + row.extents)
            continue
        if entry is not None:
            require(split(entry.path) < split(row.path), "malformed", "entries are out of order")
            yield finished(entry, prefix)
        check_parent(row, ancestors)
        ancestors.append(row)
        entry = row
    if entry is not None:
        yield finished(entry, prefix)


def check_parent(row: Entry, ancestors: list[Entry]) -> None:
    path = split(row.path)
    while ancestors and split(ancestors[-1].path) != path[: len(split(ancestors[-1].path))]:
        ancestors.pop()
    if path:
        require(ancestors, "malformed", "the root's entry is missing")
        require(ancestors[-1].kind == DIRECTORY, "unsafe-path", "entry below what is no directory")
        require(split(ancestors[-1].path) == path[:-1], "malformed", "entry without its parent")


def finished(entry: Entry, prefix: bytes) -> Entry:
    check_extents(entry)
    return entry._replace(path=b"/".join(part for part in (prefix, entry.path) if part))


def placed(entry: Entry, lengths: Sequence[int]) -> list[tuple[int, int]]:
    """Where the content goes: (offset, length) pairs that the chunks fill in order."""
    whole = [(0, entry.size)] if entry.size and entry.chunks else []
    extents = list(pairs(entry.extents)) or whole  # a size and no chunks: one hole
    room = sum(length for _, length in extents)
    require(sum(lengths) <= room, "malformed", "chunks hold more than the file")
    require(entry.unread or sum(lengths) == room, "malformed", "chunks hold less than the file")
    return extents


# Section 10: snapshot records.


class Record(NamedTuple):
    name: str
    writer: bytes
    facts: dict[str, Any]
    packs: dict[tuple[bytes, bytes], list[range]]
    roots: bytes

    def needs(self, pack: Pack) -> bool:
        return any(pack.counter in run for run in self.packs.get((pack.writer, pack.data_key), []))


def pack_set(value: list[int] | bytes) -> list[range]:
    """A set of pack counters as ascending ranges."""
    if isinstance(value, bytes):
        return [range(c, c + 1) for c in range(len(value) * 8) if value[c // 8] >> c % 8 & 1]
    require(len(value) % 2 == 0 and all(is_a(number, "count") for number in value), "malformed", "pack set")
    ranges, at = [], 0
    for place, (gap, count) in enumerate(pairs(value)):
        require((gap or not place) and count and at + gap + count <= 1 << 32, "malformed", "pack set")
        ranges.append(range(at + gap, at + gap + count))
        at += gap + count
    return ranges


def pack_sets(rows: list[Any]) -> dict[tuple[bytes, bytes], list[range]]:
    parsed = [shape(row, "id", "id", "set") for row in rows]
    return {(writer, data_key): pack_set(runs) for writer, data_key, runs in parsed}


FACTS_KEYS = {
    "complete": "flag",
    "entry": "id",
    "run": "id",
    "generation": "count",
    "expires_at": "int?",
    "id_epoch": "count",
}
FACTS_KEYS |= {"ledger": "list", "packs": "list", "source_at": "int", "totals": "map", "withdraws": "list"}


def parse_record(name: str, data: bytes, repository: bytes, index_key: Callable[[int], bytes]) -> Record:
    _, entry, writer, last = name.split("/")
    run, generation = bytes.fromhex(last[:32]), int(last[33:], 16)
    length = int.from_bytes(data[:4], "big")
    require(len(data) >= 4 + length, "truncated", "record is shorter than its facts")
    sealed, roots = data[4 : 4 + length], data[4 + length :]
    header = parse_header(sealed)
    check_place(header, (FACTS,), repository=repository, writer=bytes.fromhex(writer), number=generation)
    facts = mapping(unpack(open_body(sealed, index_key(epoch_of(header)))), **FACTS_KEYS)
    found = (facts["entry"], facts["run"], facts["generation"])
    require(found == (bytes.fromhex(entry), run, generation), "authentication", "record is not the one its name says")
    shape(facts["ledger"], "id", "count", "digest")
    for row in facts["withdraws"]:
        shape(row, "id", "count")
    return Record(name, header.writer, facts, pack_sets(facts["packs"]), roots)


def epoch_of(header: Header) -> int:
    require(not any(header.key_id[:12]), "authentication", "sealed under no index key")
    return int.from_bytes(header.key_id[12:], "big")


def open_roots(record: Record, repository: bytes, data_key: Callable[[bytes], bytes]) -> dict[str, Any]:
    header = parse_header(record.roots)
    check_place(header, (ROOTS,), repository=repository, writer=record.writer, number=record.facts["generation"])
    plain = unpack(open_body(record.roots, data_key(header.key_id)))
    roots = mapping(plain, entry="id", run="id", generation="count", roots="list", source="map")
    same = all(roots[name] == record.facts[name] for name in ("entry", "run", "generation"))
    require(same, "authentication", "roots of another record")
    return roots


def offered(records: Iterable[Record]) -> list[Record]:
    """The records that no other withdraws, oldest source instant first."""
    known = list(records)
    gone = {(r.writer, r.facts["entry"], *row[:2]) for r in known for row in r.facts["withdraws"]}
    kept = [r for r in known if (r.writer, r.facts["entry"], r.facts["run"], r.facts["generation"]) not in gone]
    return sorted(kept, key=lambda record: (record.facts["source_at"], record.name))


# Section 11: ledger.

LEDGER = {
    "repository": "hex16",
    "writer": "hex16",
    "sequence": "count",
    "epoch": "count",
    "at": "instant",
    "kind": "text",
}
LEDGER |= {"previous": "hex32", "heads": "map", "objects": "list", "run": "map", "session": "map?", "mac": "hex32"}
LEDGER_OBJECT = {"name": "text", "type": "text", "length": "count", "sha256": "hex32", "hmac": "hex32"}


def read_chain(
    objects: Store, writer: bytes, repository: bytes, key: Callable[[int], bytes]
) -> list[tuple[str, dict[str, Any]]]:
    """One writer's entries with their SHA-256, in order."""
    chain: list[tuple[str, dict[str, Any]]] = []
    for name in under(objects, f"ledger/{writer.hex()}/"):
        data = objects[name]
        require(len(data) <= 8 * MIB, "malformed", "ledger entry is too large")
        entry = document(data, **LEDGER)
        for stored in entry["objects"]:
            checked(mapping(stored), LEDGER_OBJECT)
        check_mac(entry, key(entry["epoch"]))
        here = f"ledger/{entry['writer']}/{entry['sequence']:08x}" == name and entry["repository"] == repository.hex()
        require(here, "authentication", "ledger entry is not the one its name says")
        require(entry["sequence"] == len(chain), "ledger-mismatch", f"gap before {name}")
        previous = chain[-1][0] if chain else "0" * 64
        require(entry["previous"] == previous, "ledger-mismatch", f"chain is broken at {name}")
        chain.append((hashlib.sha256(data).hexdigest(), entry))
    return chain


def require_head(chain: Sequence[tuple[str, Any]], sequence: int, sha256: str) -> None:
    holds = sequence < len(chain) and chain[sequence][0] == sha256
    require(holds, "rollback", f"ledger does not hold the entry {sequence} that was seen")


def object_mac(key: bytes, repository: bytes, name: str, kind: str, length: int, sha256: bytes) -> bytes:
    text = b"object\0" + repository + name.encode() + b"\0" + kind.encode() + b"\0"
    return mac(key, text + struct.pack(">Q", length) + sha256)


# Section 12: retiring and locks.

RETIRED = {"repository": "hex16", "id": "hex16", "kind": "text", "packs": "list", "signature": "hex"}


def retired_packs(
    store: Store, repository: bytes, public_key: bytes | None
) -> tuple[dict[tuple[str, str], list[range]], list[str]]:
    """What is retired and not lifted, by writer and data key; names of objects whose signature does not hold."""
    said: dict[str, list[tuple[str, str, range]]] = {}
    ignored = []
    for name in under(store, "retired/"):
        try:
            said[name] = parse_retired(name, store[name], repository, public_key)
        except Refused:
            ignored.append(name)
    result: dict[tuple[str, str], list[range]] = {}
    for name, runs in said.items():
        if not name.endswith(".lifted"):
            lifted = [(w, k, c) for w, k, run in said.get(f"{name}.lifted", []) for c in run]
            for writer, key, run in runs:
                left = [range(c, c + 1) for c in run if (writer, key, c) not in lifted]
                result.setdefault((writer, key), []).extend(left)
    return result, ignored


def parse_retired(name: str, data: bytes, repository: bytes, public_key: bytes | None) -> list[tuple[str, str, range]]:
    doc = document(data, **RETIRED)
    ending = ".lifted" if doc["kind"] == "lifted" else ""
    here = name == f"retired/{doc['id']}{ending}" and doc["repository"] == repository.hex()
    require(here and doc["kind"] in {"retired", "lifted"}, "authentication", "retirement is not the one its name says")
    rest = canonical({key: value for key, value in doc.items() if key != "signature"})
    key = serialization.load_der_public_key(public_key) if public_key else None
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP384R1):
        raise Refused("authentication", "no P-384 retention key")
    try:
        key.verify(bytes.fromhex(doc["signature"]), rest, ec.ECDSA(hashes.SHA384()))
    except InvalidSignature:
        raise Refused("authentication", f"signature of {name} does not hold") from None
    result = []
    for row in doc["packs"]:
        writer, data_key = shape(row, "hex16", "hex16")
        for first, count in (shape(run, "count", "count") for run in row[2:]):
            require(count >= 1 and first + count <= 1 << 32, "malformed", "run of packs")
            result.append((writer, data_key, range(first, first + count)))
    return result


# Section 2: the repository as a whole.


def under(store: Store, prefix: str) -> list[str]:
    return sorted(name for name in store if name.startswith(prefix))


class Directory(Store):
    """A directory tree as objects; the last one read is kept."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.last = ("", b"")

    def __getitem__(self, name: str) -> bytes:
        if self.last[0] != name:
            path = self.root / name
            if not path.is_file():
                raise KeyError(name)
            require(path.stat().st_size <= 130 * MIB, "malformed", f"{name} is too large for any object")
            self.last = (name, path.read_bytes())
        return self.last[1]

    def __iter__(self) -> Iterator[str]:
        return (path.relative_to(self.root).as_posix() for path in self.root.rglob("*") if path.is_file())

    def __len__(self) -> int:
        return sum(1 for _ in self)


DESCRIPTOR = {"repository": "hex16", "created_at": "instant", "capabilities": "map", "ledger_capabilities": "map"}
DESCRIPTOR |= {
    "chunker": "map",
    "host_secret": "text",
    "recipients": "list",
    "retention_key": "hex?",
    "lock_days": "count?",
}
DESCRIPTOR |= {"mac": "hex32"}
EPOCH = {
    "repository": "hex16",
    "epoch": "count",
    "random": "hex32",
    "id_epoch": "count",
    "created_at": "instant",
    "mac": "hex32",
}
WRAPPED = {"repository": "hex16", "writer": "hex16", "data_key": "hex16", "epoch": "count", "generation": "count"}
WRAPPED |= {"recipient": "text", "ciphertext": "hex", "supersedes": "text?", "mac": "hex32"}


def check_epoch(data: bytes, name: str, repository: bytes, secret: bytes) -> tuple[bytes, dict[str, Any]]:
    """The epoch secret and the verified document."""
    doc = document(data, **EPOCH)
    number = doc["epoch"]
    require(1 <= doc["id_epoch"] <= number < 1 << 32, "malformed", "epoch or id_epoch")
    here = (doc["repository"], name) == (repository.hex(), f"epochs/{number:08x}")
    require(here, "authentication", "epoch is not the one its name says")
    derived = epoch_secret(secret, repository, number, bytes.fromhex(doc["random"]))
    check_mac(doc, host_key(derived, "ledger", repository, number))
    return derived, doc


WRAPPED_SECRET = {name: kind for name, kind in WRAPPED.items() if name not in {"epoch", "mac"}}


def recover(store: Store, ledger: Store, private_key: PrivateKey) -> bytes:
    """The host secret wrapped for this key: the newest one under which the repository's own MACs hold."""
    require("repository" in store, "object-missing", "repository is missing")
    repository = document(store["repository"], **DESCRIPTOR)["repository"]
    recipient = hashlib.sha256(recipient_of(private_key.public_key()).encode()).hexdigest()[:32]
    last = Refused("key-missing", "no host secret is wrapped for this key")
    for name in sorted(under(store, f"secrets/{recipient}."), reverse=True):
        try:
            secret = unwrap_secret(name, store[name], repository, private_key)
            Repository(store, ledger, secret)
        except Refused as error:
            last = Refused("key-mismatch", str(error))
        else:
            return secret
    raise last


def unwrap_secret(name: str, data: bytes, repository: str, private_key: PrivateKey) -> bytes:
    """What one object under `secrets/` holds; nothing vouches for it yet."""
    doc = document(data, **WRAPPED_SECRET)
    recipient = hashlib.sha256(doc["recipient"].encode()).hexdigest()[:32]
    zero = "0" * 32
    here = (name, doc["repository"], doc["writer"], doc["data_key"])
    due = (f"secrets/{recipient}.{doc['generation']:04x}", repository, zero, zero)
    require(here == due, "authentication", "wrapped secret is not the one its name says")
    require("mac" not in doc and "epoch" not in doc, "malformed", "wrapped secret has members of a data key")
    context = {"proofkeep:data-key": zero, "proofkeep:repository": repository, "proofkeep:writer": zero}
    return unwrap_local(private_key, "proofkeep/v1/wrap/host-secret", context, bytes.fromhex(doc["ciphertext"]))


class Repository:
    """Everything that a host secret, and `unwrap` where it is given, can read."""

    def __init__(self, store: Store, ledger: Store, secret: bytes, unwrap: Unwrap | None = None) -> None:
        self.store, self.ledger, self.secret, self.unwrap = store, ledger, secret, unwrap
        self.opened: tuple[tuple[str, int], bytes] = (("", 0), b"")
        raw = self.get("repository")
        self.descriptor = document(raw, **DESCRIPTOR)
        self.id = bytes.fromhex(self.descriptor["repository"])
        check_mac(self.descriptor, self.key("ledger", 1))
        require(ledger.get("repository") == raw, "ledger-mismatch", "the two descriptors differ")

    def get(self, name: str) -> bytes:
        require(name in self.store, "object-missing", f"{name} is missing")
        return self.store[name]

    @functools.cache  # noqa: B019 -- one repository a process
    def epoch(self, number: int) -> bytes:
        name = f"epochs/{number:08x}"
        return check_epoch(self.get(name), name, self.id, self.secret)[0]

    def key(self, name: str, epoch: int) -> bytes:
        return host_key(self.epoch(epoch), name, self.id, epoch)

    @functools.cached_property
    def chains(self) -> dict[bytes, list[tuple[str, dict[str, Any]]]]:
        names = under(self.ledger, "ledger/")
        writers = sorted({bytes.fromhex(name.split("/")[1]) for name in names})
        return {w: read_chain(self.ledger, w, self.id, functools.partial(self.key, "ledger")) for w in writers}

    @functools.cached_property
    def packs(self) -> dict[tuple[bytes, bytes, int], Pack]:
        """Packs by writer, data key and counter, of the index objects that the ledger names."""
        named = {
            (stored["name"], stored["sha256"])
            for writer, chain in self.chains.items()
            for _, entry in chain
            for stored in entry["objects"]
            if stored["name"].startswith(f"index/{writer.hex()}/")
        }
        result: dict[tuple[bytes, bytes, int], Pack] = {}
        for name in under(self.store, "index/"):
            data = self.get(name)
            if (name, hashlib.sha256(data).hexdigest()) in named:
                for pack in self.parse_index_object(name, data):
                    known = result.setdefault((pack.writer, pack.data_key, pack.counter), pack)
                    if (pack.retain_until or 0) > (known.retain_until or 0):
                        result[pack.writer, pack.data_key, pack.counter] = pack
        return result

    def parse_index_object(self, name: str, data: bytes) -> list[Pack]:
        header = parse_header(data)
        _, writer, number = name.split("/")
        owner = bytes.fromhex(writer)
        check_place(header, (INDEX,), repository=self.id, writer=owner, number=int(number, 16))
        return parse_index(open_body(data, self.key("index", epoch_of(header))), self.id, owner)[0]

    def locked_until(self) -> dict[tuple[bytes, bytes, int], int | None]:
        """The lock date of each pack: the latest of index and locks."""
        result = {key: pack.retain_until for key, pack in self.packs.items()}
        for name in under(self.store, "locks/"):
            data = self.get(name)
            header = parse_header(data)
            _, writer, number = name.split("/")
            check_place(header, (LOCKS,), repository=self.id, writer=bytes.fromhex(writer), number=int(number, 16))
            body = mapping(unpack(open_body(data, self.key("index", epoch_of(header)))), packs="list", until="count")
            for (owner, data_key), runs in pack_sets(body["packs"]).items():
                for key, date in result.items():
                    if key[:2] == (owner, data_key) and any(key[2] in run for run in runs):
                        result[key] = max(date or 0, body["until"])
        return result

    def records(self) -> list[Record]:
        """All records, each with its ledger entry found in the writer's chain."""
        index_key = functools.partial(self.key, "index")
        found = [parse_record(name, self.get(name), self.id, index_key) for name in under(self.store, "snapshots/")]
        for record in found:
            writer, sequence, sha256 = record.facts["ledger"][:3]
            require(writer == record.writer, "authentication", "record names another writer's ledger")
            require_head(self.chains.get(writer, []), sequence, sha256.hex())
        return found

    def data_key(self, writer: bytes, data_key: bytes) -> bytes:
        """Unwrap with whichever wrapped form works, the newest generation first."""
        prefix = f"keys/{writer.hex()}/{data_key.hex()}/"
        names = sorted(under(self.store, prefix), key=lambda name: name.rpartition(".")[2], reverse=True)
        last = Refused("key-missing", f"no wrapped key under {prefix}")
        for name in names:
            try:
                return self.unwrap_object(name)
            except Refused as error:
                last = error
        raise last

    def unwrap_object(self, name: str) -> bytes:
        doc = document(self.get(name), **WRAPPED)
        check_mac(doc, self.key("ledger", doc["epoch"]))
        recipient = hashlib.sha256(doc["recipient"].encode()).hexdigest()[:32]
        place = f"keys/{doc['writer']}/{doc['data_key']}/{recipient}.{doc['generation']:04x}"
        here = place == name and doc["repository"] == self.id.hex()
        require(here, "authentication", "wrapped key is not the one its name says")
        context = {f"proofkeep:{key.replace('_', '-')}": doc[key] for key in ("data_key", "repository", "writer")}
        if self.unwrap is None:
            raise Refused("key-denied", "no private key is at hand")
        return self.unwrap(doc, context)

    @functools.cached_property
    def places(self) -> dict[tuple[int, bytes], list[tuple[Pack, Chunk]]]:
        result: dict[tuple[int, bytes], list[tuple[Pack, Chunk]]] = {}
        for pack in self.packs.values():
            for chunk in pack.table.chunks:
                result.setdefault((pack.header.type, chunk.id), []).append((pack, chunk))
        return result

    def chunk(self, record: Record, kind: int, chunk_id: bytes) -> bytes:
        """One chunk or segment from any of the record's packs."""
        id_key = self.key("chunk-id" if kind == CONTENT else "segment-id", record.facts["id_epoch"])
        last = Refused("pack-missing", f"no pack of the snapshot holds {chunk_id.hex()}")
        for pack, place in self.places.get((kind, chunk_id), []):
            if record.needs(pack):
                try:
                    return cut(self.frame(pack, place.frame), place, id_key)
                except Refused as error:
                    last = error
        raise last

    def frame(self, pack: Pack, number: int) -> bytes:
        if self.opened[0] != (pack.name, number):
            data = self.get(pack.name)
            require(len(data) == pack.size, "truncated", f"{pack.name} has another size than its index says")
            require(data[:128] == pack.header.raw, "authentication", f"{pack.name} is not the pack of its index")
            key = object_key(self.data_key(pack.writer, pack.data_key), pack.header)
            self.opened = ((pack.name, number), open_frame(data, key, pack.header, pack.table, number))
        return self.opened[1]

    def entries(self, record: Record) -> Iterator[Entry]:
        roots = open_roots(record, self.id, functools.partial(self.data_key, record.writer))
        for root in roots["roots"]:
            yield from walk(root, functools.partial(self.chunk, record, SEGMENTS))

    def content(self, record: Record, entry: Entry) -> Iterator[tuple[int, bytes]]:
        """A file's data as (offset, bytes), holes left out."""
        ids = [entry.chunks[at : at + 32] for at in range(0, len(entry.chunks), 32)]
        lengths = []
        for chunk_id in ids:
            require((CONTENT, chunk_id) in self.places, "pack-missing", f"chunk {chunk_id.hex()} is in no index")
            lengths.append(self.places[CONTENT, chunk_id][0][1].length)
        extents = iter(placed(entry, lengths))
        offset, room = 0, 0
        for chunk_id in ids:
            left = self.chunk(record, CONTENT, chunk_id)
            while left:
                if not room:
                    offset, room = next(extents)
                yield offset, left[:room]
                count = len(left[:room])
                offset, room, left = offset + count, room - count, left[count:]


# What a person asks for: list, verify, restore.


def verify(repository: Repository, heads: Mapping[bytes, tuple[int, str]]) -> list[str]:
    """Compare the store with the ledger and open what the keys at hand open; the findings, one a line."""
    for writer, (sequence, sha256) in heads.items():
        require_head(repository.chains.get(writer, []), sequence, sha256)
    public_key = repository.descriptor["retention_key"]
    retired, ignored = retired_packs(repository.store, repository.id, bytes.fromhex(public_key) if public_key else None)
    findings = [f"authentication: {name} is ignored, its signature does not hold" for name in ignored]
    for _, told in itertools.chain.from_iterable(repository.chains.values()):
        key = repository.key("ledger", told["epoch"])
        findings += filter(None, (check_stored(repository, key, stored, retired) for stored in told["objects"]))
    for record in offered(repository.records()):
        findings += check_record(repository, record)
    return findings


def check_record(repository: Repository, record: Record) -> Iterator[str]:
    """What the snapshot needs and no index knows; with a private key everything it holds is opened."""
    for (writer, data_key), runs in record.packs.items():
        for counter in itertools.chain.from_iterable(runs):
            if (writer, data_key, counter) not in repository.packs:
                yield f"pack-missing: {record.name} needs {counter:08x} of {data_key.hex()}, in no index"
    try:
        for entry in repository.entries(record) if repository.unwrap else ():
            for _ in repository.content(record, entry):
                pass
    except Refused as error:
        yield f"{error} ({record.name})"


def check_stored(
    repository: Repository, key: bytes, stored: Mapping[str, Any], retired: Mapping[Any, list[range]]
) -> str:
    name, sha256 = stored["name"], bytes.fromhex(stored["sha256"])
    if object_mac(key, repository.id, name, stored["type"], stored["length"], sha256).hex() != stored["hmac"]:
        return f"authentication: ledger's HMAC of {name} does not hold"
    if name not in repository.store:
        part = name.split("/")
        gone = part[0] == "packs" and any(int(part[3], 16) in run for run in retired.get((part[1], part[2]), []))
        return "" if gone else f"object-missing: {name}"
    data = repository.store[name]
    if len(data) != stored["length"]:
        return f"truncated: {name} has {len(data)} bytes, {stored['length']} in the ledger"
    return "" if hashlib.sha256(data).digest() == sha256 else f"integrity: {name} is not what the ledger names"


def restore(repository: Repository, record: Record, target: Path) -> list[str]:
    """Write the snapshot below `target`, which must not exist; what was left out, one a line."""
    target.mkdir()
    left_out: list[str] = []
    first_names: dict[bytes, Path] = {}
    made: list[tuple[Path, Entry]] = []
    for entry in repository.entries(record):
        path = target / os.fsdecode(entry.path) if entry.path else target
        if entry.unread:
            left_out.append(f"unread when it was backed up ({entry.unread}): {path}")
        if entry.hardlink in first_names:
            os.link(first_names[entry.hardlink], path, follow_symlinks=False)
        elif entry.kind in {CHARACTER_DEVICE, BLOCK_DEVICE, SOCKET}:
            left_out.append(f"device or socket: {path}")
            continue
        else:
            make(path, entry, repository.content(record, entry))
        if entry.hardlink:
            first_names.setdefault(entry.hardlink, path)
        made.append((path, entry))
    for path, entry in reversed(made):
        set_metadata(path, entry)
    return left_out


def make(path: Path, entry: Entry, content: Iterable[tuple[int, bytes]]) -> None:
    if entry.kind == FILE:
        write_file(path, entry, content)
    elif entry.kind == DIRECTORY and entry.path:
        path.mkdir()
    elif entry.kind == SYMLINK:
        path.symlink_to(os.fsdecode(entry.target))
    elif entry.kind == FIFO:
        os.mkfifo(path)


def write_file(path: Path, entry: Entry, content: Iterable[tuple[int, bytes]]) -> None:
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    try:
        os.truncate(file, entry.size)
        for offset, data in content:
            require(os.pwrite(file, data, offset) == len(data), "target", "short write")
    finally:
        os.close(file)


def set_metadata(path: Path, entry: Entry) -> None:
    if os.geteuid() == 0:
        os.chown(path, entry.uid, entry.gid, follow_symlinks=False)
    for name, value in entry.xattrs:
        os.setxattr(path, name, value, follow_symlinks=False)
    if entry.kind != SYMLINK:
        path.chmod(entry.mode)
    os.utime(path, ns=(entry.mtime, entry.mtime), follow_symlinks=False)


def main(arguments: Sequence[str]) -> int:
    """Exit code 0: as it should be; 1: refused, or findings, or freshness that is not provable."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=("list", "verify", "restore"))
    for name in ("store", "ledger", "secret"):
        parser.add_argument(name, type=Path)
    parser.add_argument("rest", nargs="*", help="PRIVATE_KEY for verify; PRIVATE_KEY SNAPSHOT TARGET for restore")
    parser.add_argument("--head", action="append", default=[], metavar="WRITER:SEQUENCE:SHA256", help="seen earlier")
    asked = parser.parse_args(arguments)
    if len(asked.rest) not in {"list": {0}, "verify": {0, 1}, "restore": {3}}[asked.command]:
        parser.error(f"{asked.command} takes other arguments")
    try:
        lines = answer(asked)
    except Refused as error:
        lines = [f"refused: {error}"]
    sys.stdout.writelines(f"{line}\n" for line in lines)
    return int(bool(lines) and asked.command != "list")


def answer(asked: argparse.Namespace) -> list[str]:
    """The snapshots for `list`; for `verify` and `restore` what is not as it should be."""
    secret = asked.secret.read_bytes()
    require(len(secret) == 32, "key-mismatch", "host secret is not 32 bytes")
    unwrap = unwrap_with(load_private_key(Path(asked.rest[0]).read_bytes())) if asked.rest else None
    repository = Repository(Directory(asked.store), Directory(asked.ledger), secret, unwrap)
    records = offered(repository.records())
    if asked.command == "list":
        return [
            f"{record.name.removeprefix('snapshots/')} {canonical(record.facts['totals']).decode()}"
            for record in records
        ]
    if asked.command == "restore":
        _, snapshot, target = asked.rest
        found = [record for record in records if snapshot in record.name]
        require(len(found) == 1, "snapshot-missing", f"{len(found)} snapshots are called {snapshot}")
        return restore(repository, found[0], Path(target))
    heads = {bytes.fromhex(w): (int(n), sha256) for w, n, sha256 in (head.split(":") for head in asked.head)}
    unproven = (
        [] if set(repository.chains) <= set(heads) else ["freshness is not provable: a writer's head is not given"]
    )
    return verify(repository, heads) + unproven


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
