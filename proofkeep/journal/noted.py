"""What a walk noted of files and segments, in walk order, for the catalog to learn at the commit.

A plain file beside the journal, no table: rows are only appended, and losing them costs no more than reading again.
"""

import contextlib
import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO
from zlib import crc32

import msgspec

from proofkeep import events
from proofkeep.state import sync_directory, translating_full

_HEAD = struct.Struct(">II")  # length and check of what follows
_AT_ONCE = 1 << 16
_encode = msgspec.msgpack.Encoder().encode


class FileNote(msgspec.Struct, tag="file", array_like=True, frozen=True):
    """A file that was read: path id, keyed fingerprint, chunk ids joined, flat array of extents."""

    path_id: bytes
    fingerprint: bytes
    chunks: bytes
    extents: tuple[int, ...]


class SegmentNote(msgspec.Struct, tag="segment", array_like=True, frozen=True):
    """The segment that ends here, described as in `catalog.SegmentState`.

    Attributes:
        mark: empty when the segment is not to be remembered.
        packs: packs of files in it that were not read, or of all that it refers to when `chunk` is empty.
        chunk: the segment's own id; its pack, and those of the files noted since the last segment, come on top.
    """

    start: bytes
    mark: bytes
    sealed: bytes
    packs: tuple[int, ...]
    chunk: bytes


Note = FileNote | SegmentNote
_decode = msgspec.msgpack.Decoder(Note).decode


class Noted:
    """The notes of one run; whole once `finish` has named them, else not there."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "noted"
        self._part = folder / "noted.part"
        self._stream: BinaryIO | None = None
        self._waiting = bytearray()

    def begin(self) -> None:
        """Forget everything and take notes from now on. Raises `StateFullError`."""
        self.clear()
        with translating_full():
            descriptor = os.open(self._part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            self._stream = os.fdopen(descriptor, "wb", buffering=1 << 16)

    def add(self, note: Note) -> None:
        """Take one more note; nothing before `begin`. Raises `StateFullError`."""
        if self._stream is None:
            return
        data = _encode(note)
        self._waiting += _HEAD.pack(len(data), crc32(data))
        self._waiting += data
        if len(self._waiting) >= _AT_ONCE:
            self._write(self._stream)

    def _write(self, stream: BinaryIO) -> None:
        """Hand on what waits; note by note, that costs more than the notes themselves."""
        with translating_full():
            stream.write(self._waiting)
        self._waiting.clear()

    def finish(self) -> None:
        """Make the notes durable; they are there from now on. Raises `StateFullError`."""
        if self._stream is None:
            return
        with translating_full():
            try:
                self._write(self._stream)
                self._stream.flush()
                os.fsync(self._stream.fileno())
            finally:
                self.close()
            with contextlib.suppress(FileNotFoundError):  # cleared meanwhile: a new generation has begun
                self._part.replace(self._file)
            sync_directory(self._file.parent)

    @property
    def whole(self) -> bool:
        """Whether a walk came to its end with them."""
        return self._file.exists()

    def close(self) -> None:
        """Stop taking notes; unless they were finished, they are not there."""
        stream, self._stream = self._stream, None
        self._waiting.clear()
        if stream is not None:
            with contextlib.suppress(OSError):  # what a full disk did not take need not be there
                stream.close()

    def clear(self) -> None:
        """Forget everything."""
        self._part.unlink(missing_ok=True)
        self._file.unlink(missing_ok=True)

    def read(self) -> Iterator[Note]:
        """All notes in order; ends early, and says so, where the file is damaged."""
        try:
            stream = self._file.open("rb", buffering=1 << 20)
        except FileNotFoundError:
            return
        with stream:
            while head := stream.read(_HEAD.size):
                length, check = _HEAD.unpack(head) if len(head) == _HEAD.size else (0, -1)
                data = stream.read(length)
                # A chunk id or extent that rotted here would go into the catalog, and into every later snapshot.
                if crc32(data) != check:
                    events.emit("notes-damaged", outcome="failure")
                    return
                yield _decode(data)
