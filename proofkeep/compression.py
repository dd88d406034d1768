"""Frames to zstd and back (RFC 8878). Stored as it is what does not compress; never opens more than it was told."""

import threading

import pyzstd

from proofkeep.errors import MalformedError

STORED = 0
ZSTD = 1


class Compressor:
    """Compresses frames at one level; each thread reuses a context of its own."""

    def __init__(self, level: int = 3) -> None:
        self._level = level
        self._local = threading.local()

    def compress(self, data: bytes | memoryview) -> tuple[int, bytes | memoryview]:
        """Codec and bytes: `data` itself, uncopied, when zstd saves less than one part in thirty-two."""
        context: pyzstd.ZstdCompressor | None = getattr(self._local, "context", None)
        if context is None:
            context = self._local.context = pyzstd.ZstdCompressor(self._level)
        packed = context.compress(data, pyzstd.ZstdCompressor.FLUSH_FRAME)
        if len(packed) > len(data) - len(data) // 32:
            return STORED, data
        return ZSTD, packed


def decompress(codec: int, data: bytes, length: int, subject: str) -> bytes:
    """Exactly `length` bytes of plaintext; `length` comes from authenticated data.

    Raises:
        MalformedError: unknown codec, not one zstd frame, or another length.
    """
    if codec == STORED:
        plain = data
    elif codec == ZSTD:
        plain = _decompress(data, length, subject)
    else:
        raise MalformedError(f"{subject} has the unknown codec {codec}")
    if len(plain) != length:
        raise MalformedError(f"{subject} holds {len(plain)} bytes where {length} were stated")
    return plain


def _decompress(data: bytes, length: int, subject: str) -> bytes:
    decompressor = pyzstd.ZstdDecompressor()
    try:
        plain = decompressor.decompress(data, length)
        if not decompressor.eof and len(plain) == length:
            plain += decompressor.decompress(b"", 1)
    except (pyzstd.ZstdError, EOFError):
        raise MalformedError(f"{subject} is not a zstd frame") from None
    if not decompressor.eof or decompressor.unused_data:
        raise MalformedError(f"{subject} is not one zstd frame of {length} bytes")
    return plain
