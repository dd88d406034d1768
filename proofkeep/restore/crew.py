"""Who fills the files of a restore: this process's own threads, or processes beside it.

One interpreter runs one thread's Python at a time: with many small files, threads mostly wait for one another.
"""

import functools
import mmap
import os
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from multiprocessing.connection import Connection
from queue import LifoQueue
from socket import socketpair

from proofkeep.crypto.sealing import OVERHEAD
from proofkeep.errors import ProofkeepError, RestoreProcessGoneError
from proofkeep.filling import Batch, Filled, encode_batch
from proofkeep.format.table import MAX_FRAME_PLAIN
from proofkeep.restore.files import Shared

_MOST = 4
_PATIENCE = 10.0
_SEALED = MAX_FRAME_PLAIN + OVERHEAD  # neighbouring frames are read together up to the size of the largest one
_KEPT = ("PATH", "LANG", "LC_", "LD_", "PYTHON", "TZ")


def cores() -> int:
    """How many processes can work at once for us; only this one where no memory can be shared."""
    return min(len(os.sched_getaffinity(0)), _MOST) if _has_memory() else 1


@functools.cache
def _has_memory() -> bool:
    """Builds of Python for old C libraries lack the call; hosts with `vm.memfd_noexec=2` refuse it."""
    try:
        os.close(os.memfd_create("sealed"))
    except (AttributeError, OSError):
        return False
    return True


class Worker:
    """One process that joined: `proofkeep.restore_worker`. It gets keys over a socket, no environment and no store.

    Sealed frames lie in memory that both have mapped: through the socket they are copied four times.
    """

    def __init__(self, chunk_keys: Sequence[bytes], shared: Shared) -> None:
        """Start it; it imports while this process goes on."""
        self.unset = 0, 0
        ours, theirs = socketpair()
        with theirs, open(os.memfd_create("sealed"), "r+b", buffering=0) as memory:  # noqa: PTH123 - a descriptor
            memory.truncate(_SEALED)
            self._sealed = mmap.mmap(memory.fileno(), _SEALED)
            passed = theirs.fileno(), shared.directory, memory.fileno()
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "proofkeep.restore_worker", *map(str, passed)],
                env={name: value for name, value in os.environ.items() if name.startswith(_KEPT)},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=passed,
            )
        self._connection = Connection(ours.detach())
        self._connection.send((list(chunk_keys), shared.restore_owner))

    def fill(self, batch: Batch, sealed: bytes) -> Filled:
        """As `Filler.fill`. Raises `RestoreProcessGoneError` too."""
        try:
            self._sealed[: len(sealed)] = sealed
            self._connection.send_bytes(encode_batch(batch))
            answer, self.unset = self._connection.recv()
        except (OSError, EOFError):
            raise RestoreProcessGoneError("a process that fills the restore's files is gone") from None
        if isinstance(answer, ProofkeepError):
            raise answer
        filled: Filled = answer
        return filled

    def end(self) -> None:
        """Let it end, or end it: afterwards it writes nothing more."""
        self._connection.close()
        self._sealed.close()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_PATIENCE)
        self._process.kill()
        self._process.wait()


class Crew:
    """Several workers; a batch goes to one that is idle."""

    def __init__(self, count: int, chunk_keys: Sequence[bytes], shared: Shared) -> None:
        """Start `count` of them."""
        self.shared = shared
        self._workers: list[Worker] = []
        self._idle: LifoQueue[Worker] = LifoQueue()
        try:
            for _ in range(count):
                self._workers.append(Worker(chunk_keys, shared))
        except BaseException:
            self.end()
            raise
        for worker in self._workers:
            self._idle.put(worker)

    def fill(self, batch: Batch, sealed: bytes) -> Filled:
        """As `Worker.fill`, when one is idle."""
        worker = self._idle.get()
        try:
            return worker.fill(batch, sealed)
        finally:
            self._idle.put(worker)

    @property
    def unset(self) -> tuple[int, int]:
        """How many owners and extended attributes could not be set."""
        return sum(worker.unset[0] for worker in self._workers), sum(worker.unset[1] for worker in self._workers)

    def end(self) -> None:
        """End all: afterwards none writes anything more."""
        for worker in self._workers:
            worker.end()
