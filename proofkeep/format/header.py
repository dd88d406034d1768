"""The 128-byte header of every sealed object, and the key that opens it (format.md section 6)."""

import hmac
import os
import struct
from enum import IntEnum
from hashlib import sha256

import msgspec

from proofkeep.crypto.kdf import derive
from proofkeep.crypto.sealing import SealingKey
from proofkeep.errors import AuthenticationError, MalformedError, TruncatedError, UnsupportedVersionError

MAGIC = b"PKep"
VERSION = 1
SIZE = 128
_LAYOUT = struct.Struct(">4sHH16s16s16sQ32s32s")
_FRAME_AAD = struct.Struct(">BIIB")


class ObjectType(IntEnum):
    """What a sealed object is; part of its key derivation."""

    CONTENT_PACK = 1
    SEGMENT_PACK = 2
    INDEX = 3
    FACTS = 4
    ROOTS = 5
    LOCKS = 6
    HOST_LOCAL = 7


class FrameKind(IntEnum):
    """What a sealed frame is; part of its associated data."""

    FRAME = 1
    TABLE = 2
    TRAILER = 3
    BODY = 4


class Header(msgspec.Struct, frozen=True):
    """What a sealed object says of itself in clear.

    Attributes:
        key_id: the data key's id, or `epoch_key_id(epoch)`.
        number: pack counter, index or locks number, or record generation.
    """

    type: ObjectType
    repository: bytes
    writer: bytes
    key_id: bytes
    number: int
    salt: bytes
    commitment: bytes

    def encode(self) -> bytes:
        """128 bytes."""
        return _LAYOUT.pack(
            MAGIC,
            VERSION,
            self.type,
            self.repository,
            self.writer,
            self.key_id,
            self.number,
            self.salt,
            self.commitment,
        )


def epoch_key_id(epoch: int) -> bytes:
    """The key id of an epoch's index key."""
    return bytes(12) + epoch.to_bytes(4, "big")


def decode(data: bytes | memoryview, subject: str) -> Header:
    """The header at the start of `data`.

    Raises:
        TruncatedError, MalformedError, UnsupportedVersionError.
    """
    if len(data) < SIZE:
        raise TruncatedError(f"{subject} is shorter than a header")
    magic, version, kind, repository, writer, key_id, number, salt, commitment = _LAYOUT.unpack_from(data)
    if magic != MAGIC:
        raise MalformedError(f"{subject} does not begin with the magic bytes")
    if version != VERSION:
        raise UnsupportedVersionError(f"{subject} has format version {version}, this reader knows {VERSION}")
    try:
        kind = ObjectType(kind)
    except ValueError:
        raise MalformedError(f"{subject} has the unknown type {kind}") from None
    return Header(kind, repository, writer, key_id, number, salt, commitment)


class Context(msgspec.Struct, frozen=True):
    """A header with its object key: seals and opens the frames of one object.

    Attributes:
        header_bytes: the header as stored.
    """

    header: Header
    header_bytes: bytes
    _hash: bytes
    _key: SealingKey

    def associated(self, kind: FrameKind, index: int, length: int, codec: int) -> bytes:
        """42 bytes of associated data."""
        return self._hash + _FRAME_AAD.pack(kind, index, length, codec)

    def seal(
        self, kind: FrameKind, index: int, length: int, codec: int, data: bytes | bytearray | memoryview
    ) -> bytearray:
        """Seal `data`, which decodes to `length` bytes of plaintext by `codec`."""
        return self._key.seal(self.associated(kind, index, length, codec), data)

    def open(
        self,
        kind: FrameKind,
        index: int,
        length: int,
        codec: int,
        sealed: bytes | bytearray | memoryview,
        subject: str,
    ) -> bytes:
        """The bytes that were sealed, still encoded by `codec`. Raises `AuthenticationError`."""
        return self._key.open(self.associated(kind, index, length, codec), sealed, subject)


def _derive(key: bytes, kind: ObjectType, repository: bytes, key_id: bytes, salt: bytes) -> tuple[bytes, bytes]:
    context = repository + key_id + kind.to_bytes(2, "big") + salt
    material = derive(key, b"proofkeep/v1/object", context, 64)
    return material[:32], material[32:]


def new_context(key: bytes, kind: ObjectType, repository: bytes, writer: bytes, key_id: bytes, number: int) -> Context:
    """A fresh header with a random salt, and its key, for one new object."""
    salt = os.urandom(32)
    object_key, commitment = _derive(key, kind, repository, key_id, salt)
    header = Header(kind, repository, writer, key_id, number, salt, commitment)
    data = header.encode()
    return Context(header, data, sha256(data).digest(), SealingKey(object_key))


def open_context(key: bytes, data: bytes | memoryview, subject: str) -> Context:
    """Read the header at the start of `data` and derive its key from `key`.

    Raises:
        AuthenticationError: the commitment differs, so this is not the key.
    """
    header = decode(data, subject)
    object_key, commitment = _derive(key, header.type, header.repository, header.key_id, header.salt)
    if not hmac.compare_digest(commitment, header.commitment):
        raise AuthenticationError(f"{subject} is not sealed under this key")
    head = bytes(data[:SIZE])
    return Context(header, head, sha256(head).digest(), SealingKey(object_key))


def expect(
    header: Header,
    subject: str,
    *,
    types: tuple[ObjectType, ...],
    repository: bytes,
    writer: bytes,
    key_id: bytes | None = None,
    number: int,
) -> None:
    """Hold the header against what the object's name and place say. Raises `AuthenticationError`."""
    found = (header.repository, header.writer, header.number)
    if header.type not in types:
        raise AuthenticationError(f"{subject} has type {header.type.name.lower()}")
    if found != (repository, writer, number) or (key_id is not None and header.key_id != key_id):
        raise AuthenticationError(f"{subject} names another repository, writer, key or number than its place")
