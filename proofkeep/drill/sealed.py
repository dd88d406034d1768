"""Scratch on a disk: content sealed on its way there, under a key that exists in this process alone.

One file without names in it. What was written where is remembered in memory; with the key it is forgotten.
"""

import errno
import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from proofkeep.crypto.sealing import OVERHEAD, SealingKey
from proofkeep.drill.digests import data_places
from proofkeep.drill.private import PrivateDirectory
from proofkeep.drill.receipts import Facts
from proofkeep.errors import RestoreError, TargetError, TargetFullError
from proofkeep.format.manifest import Entry
from proofkeep.restore.files import Target

KEY_SIZE = 32
MAX_PIECES = 1 << 32  # of random nonces under one key, SP 800-38D
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


@dataclass(frozen=True, slots=True, order=True)
class SealedPiece:
    """Where one written piece lies: its place in the file's data, its offset on the disk, its length in clear."""

    position: int
    offset: int
    length: int


@dataclass(eq=False, slots=True)
class SealedFile:
    """A file under restore, known by a number alone."""

    number: int
    entry: Entry
    pieces: list[SealedPiece] = field(default_factory=list)


class Strongroom:
    """The file on the disk and its key. Safe from several threads."""

    def __init__(self, file: Path) -> None:
        self._key: SealingKey | None = SealingKey(os.urandom(KEY_SIZE))
        self._descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        self._end = 0
        self._pieces = 0
        self._lock = threading.Lock()

    def put(self, number: int, position: int, data: bytes | memoryview) -> SealedPiece:
        """Seal one piece of the file `number`.

        Raises:
            TargetFullError, TargetError: the disk is full or fails, or the key sealed as much as it may.
        """
        sealed = memoryview(self._opened().seal(_associated(number, position, len(data)), data))
        with self._lock:
            offset = self._end
            self._end += len(sealed)
            self._pieces += 1
            if self._pieces > MAX_PIECES:
                raise TargetError("sealed scratch has as many pieces as one key may seal")
        done = 0
        try:
            while done < len(sealed):
                done += os.pwrite(self._descriptor, sealed[done:], offset + done)
        except OSError as error:
            raise _said(error, "written") from None
        return SealedPiece(position, offset, len(data))

    def get(self, number: int, piece: SealedPiece) -> bytes:
        """Open one piece again.

        Raises:
            TargetError: the disk fails.
            AuthenticationError: the disk holds something else.
        """
        length = piece.length + OVERHEAD
        try:
            sealed = os.pread(self._descriptor, length, piece.offset)
        except OSError as error:
            raise _said(error, "read") from None
        associated = _associated(number, piece.position, piece.length)
        return self._opened().open(associated, sealed, "piece of sealed scratch")

    def forget(self) -> None:
        """Let go of the key and of the file."""
        self._key = None
        os.close(self._descriptor)

    def _opened(self) -> SealingKey:
        if self._key is None:
            raise TargetError("sealed scratch has forgotten its key")
        return self._key


class SealedTarget:
    """One snapshot's files in the strongroom; implements the `Target` of a restore. Sets no metadata."""

    owners_unset = 0
    xattrs_unset = 0

    def __init__(self, room: Strongroom, numbers: Iterator[int], files: dict[bytes, SealedFile]) -> None:
        self._room = room
        self._numbers = numbers
        self._files = files

    def begin(self) -> None:
        """Nothing to do."""

    def make(self, entry: Entry) -> object | None:
        """Leave out what has no content."""
        return entry

    def put_file(self, entry: Entry, data: bytes | memoryview) -> None:
        """Seal a file with all of its content. Raises `TargetError`."""
        file = self.create(entry)
        self.write(file, 0, data)
        self.finish(file)

    def create(self, entry: Entry) -> SealedFile:
        """Begin a file."""
        return SealedFile(next(self._numbers), entry)

    def write(self, file: SealedFile, position: int, data: bytes | memoryview) -> None:
        """Seal content."""
        file.pieces.append(self._room.put(file.number, position, data))

    def finish(self, file: SealedFile) -> None:
        """Keep a file whose content is complete. Raises `TargetError` when it is not."""
        file.pieces.sort()
        entry, end = file.entry, 0
        for piece in file.pieces:
            if piece.position != end:
                raise TargetError("a file in sealed scratch has a gap or an overlap")
            end += piece.length
        if end != sum(length for _, length in data_places(entry.size, entry.extents, entry.chunks)):
            raise TargetError("a file in sealed scratch has not all of its content")
        self._files[entry.path] = file

    def discard(self, file: SealedFile) -> None:
        """Forget a file."""
        file.pieces.clear()

    def link(self, path: bytes, existing: bytes) -> None:
        """Another name for a restored file."""
        self._files[path] = self._files[existing]

    def share(self) -> None:
        """Its key is this process's alone."""

    def complete(self) -> None:
        """Nothing to do."""

    def abandon(self) -> None:
        """Forget everything."""
        self._files.clear()


class SealedScratch:
    """A private directory with one sealed file in it; implements `Scratch`."""

    kind = "sealed"

    def __init__(self, parent: Path) -> None:
        """Make it below `parent`. Raises `TargetError`, `TargetFullError`."""
        self._directory = PrivateDirectory(parent)
        try:
            self._room = Strongroom(self._directory.path / "content")
        except OSError as error:
            self._directory.remove()
            raise _said(error, "made") from None
        self._numbers = iter(range(MAX_PIECES))
        self._trees: dict[str, dict[bytes, SealedFile]] = {}

    @property
    def facts(self) -> Facts:
        """What the evidence says of it."""
        return {
            "kind": self.kind,
            "algorithm": "AES-256-GCM under a random key of this process, never written anywhere",
        }

    def target(self, snapshot: str) -> Target:
        """Where a snapshot's files are restored to."""
        return SealedTarget(self._room, self._numbers, self._trees.setdefault(snapshot, {}))

    def data(self, snapshot: str, entry: Entry) -> Iterator[bytes | memoryview]:
        """A restored file's data in order, holes left out.

        Raises:
            TargetError: it is not there, or the disk fails.
            AuthenticationError: the disk holds something else than was sealed.
        """
        file = self._trees.get(snapshot, {}).get(entry.path)
        if file is None:
            raise TargetError("a restored file is not in sealed scratch")
        return (self._room.get(file.number, piece) for piece in file.pieces)

    def differing(self, snapshot: str, entry: Entry) -> list[str] | None:  # noqa: ARG002 - a `Scratch` is asked so
        """None: there is no metadata here to compare."""
        return None

    def destroy(self) -> tuple[str, bool]:
        """Forget the key, unlink the sealed file; how, and whether nothing is left."""
        self._trees.clear()
        self._room.forget()
        return "key forgotten, sealed file unlinked; no plaintext was on the disk", self._directory.remove()


def _associated(number: int, position: int, length: int) -> bytes:
    numbers = (number, position, length)
    return b"proofkeep/v1/drill-scratch\x00" + b"".join(value.to_bytes(8, "big") for value in numbers)


def _said(error: OSError, what: str) -> RestoreError:
    if error.errno in _FULL:
        return TargetFullError("sealed scratch is full")
    return TargetError(f"sealed scratch cannot be {what}: {os.strerror(error.errno or 0).lower()}")
