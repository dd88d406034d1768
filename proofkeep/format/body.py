"""Sealed objects with one body: index, record facts, roots, locks, and host-local rows (format.md section 6)."""

import struct

from proofkeep.compression import Compressor, decompress
from proofkeep.crypto.sealing import OVERHEAD
from proofkeep.errors import MalformedError, TruncatedError
from proofkeep.format.header import SIZE, Context, FrameKind, Header, open_context

MAX_PLAIN = 64 << 20
_LENGTHS = struct.Struct(">IBI")
_compressor = Compressor(3)


def seal_body(context: Context, plain: bytes) -> bytes:
    """The whole object: header, lengths, sealed body."""
    codec, data = _compressor.compress(plain)
    sealed = context.seal(FrameKind.BODY, 0, len(plain), codec, data)
    return b"".join((context.header_bytes, _LENGTHS.pack(len(plain), codec, len(sealed)), sealed))


def open_body(key: bytes, data: bytes | memoryview, subject: str) -> tuple[Header, bytes]:
    """Header and plaintext of an object sealed by `seal_body`.

    Raises:
        TruncatedError, MalformedError, UnsupportedVersionError, AuthenticationError.
    """
    context = open_context(key, data, subject)
    start = SIZE + _LENGTHS.size
    if len(data) < start:
        raise TruncatedError(f"{subject} is shorter than its lengths")
    plain_length, codec, sealed_length = _LENGTHS.unpack_from(data, SIZE)
    if plain_length > MAX_PLAIN or sealed_length > plain_length + OVERHEAD:
        raise MalformedError(f"{subject} states a body beyond the limits")
    if len(data) != start + sealed_length:
        raise TruncatedError(f"{subject} has {len(data)} bytes where {start + sealed_length} were stated")
    packed = context.open(FrameKind.BODY, 0, plain_length, codec, memoryview(data)[start:], subject)
    return context.header, decompress(codec, packed, plain_length, subject)
