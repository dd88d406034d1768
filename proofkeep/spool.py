"""The spool: sealed packs of one run on this host's disk, ciphertext only, until the store was shown to hold them."""

import errno
import hashlib
import os
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from proofkeep.errors import CancelledError, JournalBusyError, ProofkeepError, SpoolFullError, StateFullError
from proofkeep.format.names import PackId
from proofkeep.ports import Cancelled
from proofkeep.state import sync_directory
from proofkeep.syncing import begin_writeback

DEFAULT_LIMIT = 8 << 30
_WAIT_SECONDS = 0.2
_WRITEBACK = 4 << 20
_SPARE_SHARE, _SPARE = 16, 64 << 20
_FULL = {errno.ENOSPC, errno.EDQUOT}


class OpenPack:
    """A pack that grows in the spool: bytes are appended and hashed once, on their way."""

    def __init__(self, spool: "Spool", pack: PackId) -> None:
        self.pack = pack
        self.size = 0
        self._begun = 0
        self._spool = spool
        self._digest = hashlib.sha256()
        self._part = spool.part_file(pack)
        with self._spool.translating():
            self._descriptor = os.open(self._part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)

    def append(self, data: bytes | bytearray | memoryview) -> None:
        """Write and hash. Raises `StateFullError` when the disk is full."""
        self._digest.update(data)
        view = memoryview(data)
        with self._spool.translating():
            while view:
                view = view[os.write(self._descriptor, view) :]
        self.size += len(data)
        if self.size - self._begun >= _WRITEBACK:
            begin_writeback(self._descriptor)
            self._begun = self.size

    def finish(self) -> bytes:
        """Fsync, name it, and return its SHA-256.

        Raises:
            StateFullError: the disk is full.
            SpoolFullError: it cannot be written.
            JournalBusyError: it is gone, with the whole run taken up by another process.
        """
        with self._spool.translating():
            os.fsync(self._descriptor)
            self.discard()
            self._part.rename(self._spool.file(self.pack))
            sync_directory(self._part.parent)
        return self._digest.digest()

    def discard(self) -> None:
        """Close without naming it."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


class Spool:
    """Pack files of one run, within a limit of bytes on this host's disk."""

    def __init__(self, directory: Path, limit: int, cancelled: Cancelled) -> None:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.limit = limit
        self._directory = directory
        self._cancelled = cancelled
        self._changed = threading.Condition()
        for part in directory.glob("*.part"):
            part.unlink()
        self._used = sum(file.stat().st_size for file in directory.iterdir())

    def file(self, pack: PackId) -> Path:
        """Where a finished pack lies."""
        return self._directory / f"{pack.data_key.hex()}-{pack.counter:08x}.pack"

    def part_file(self, pack: PackId) -> Path:
        """Where a pack grows."""
        return self._directory / f"{pack.data_key.hex()}-{pack.counter:08x}.part"

    def reserve(self, size: int, stuck: Callable[[], BaseException | None]) -> None:
        """Wait for room for `size` more bytes.

        Raises:
            SpoolFullError: there is none, and `stuck` says that nothing leaves the spool any more.
            CancelledError: the run was cancelled meanwhile.
        """
        with self._changed:
            while self._used and self._used + size > self.limit:
                self._wait(stuck)
            self._used += size

    def await_release(self, stuck: Callable[[], BaseException | None]) -> None:
        """Wait until a pack may have left. Raises as `reserve`."""
        with self._changed:
            self._wait(stuck)

    def _wait(self, stuck: Callable[[], BaseException | None]) -> None:
        if self._cancelled():
            raise CancelledError("run was cancelled while it waited for spool space")
        if (cause := stuck()) is not None:
            why = cause.code if isinstance(cause, ProofkeepError) else type(cause).__name__
            raise SpoolFullError(f"spool holds {self._used} bytes and nothing leaves it: {why}")
        self._changed.wait(_WAIT_SECONDS)

    @property
    def used(self) -> int:
        """Bytes of room that are taken."""
        with self._changed:
            return self._used

    def is_cramped(self, size: int) -> bool:
        """Whether its disk has hardly room for `size` more bytes and for what the journal notes of sending them."""
        with self.translating():
            disk = os.statvfs(self._directory)
        spare = min(disk.f_blocks * disk.f_frsize // _SPARE_SHARE, _SPARE)
        return disk.f_blocks > 0 and disk.f_bavail * disk.f_frsize < size + spare

    def release(self, pack: PackId) -> None:
        """The store holds it: give its space back."""
        file = self.file(pack)
        try:
            size = file.stat().st_size
            file.unlink()
        except FileNotFoundError:
            return
        with self._changed:
            self._used -= size
            self._changed.notify_all()

    def keep_only(self, packs: Iterable[PackId]) -> None:
        """Remove every other file: of packs proven already, or never journaled."""
        kept = {self.file(pack) for pack in packs}
        with self._changed:
            for file in self._directory.iterdir():
                if file not in kept:
                    self._used -= file.stat().st_size
                    file.unlink()

    def holds(self, pack: PackId) -> bool:
        """Whether its file is here."""
        return self.file(pack).exists()

    def is_sound(self, pack: PackId, sha256: bytes) -> bool:
        """Whether its file can be read and is still what was sealed."""
        try:
            with self.file(pack).open("rb") as file:
                return hashlib.file_digest(file, "sha256").digest() == sha256
        except OSError:
            return False

    def clear(self) -> None:
        """Remove the spool of a run that is committed."""
        for file in self._directory.iterdir():
            file.unlink()
        with self._changed:
            self._used = 0

    @contextmanager
    def translating(self) -> Iterator[None]:
        """What the filesystem refuses, in the words of the error tree."""
        try:
            yield
        except OSError as error:
            if error.errno in _FULL:
                raise StateFullError(f"disk of spool {self._directory} is full") from None
            if error.errno == errno.ENOENT:
                raise JournalBusyError("spool of this run was taken up or given up by another process") from None
            why = errno.errorcode.get(error.errno or 0, "unknown")
            raise SpoolFullError(f"spool {self._directory} cannot be written: {why}") from None
