"""Who fills the files of a restore: this process's own threads, or processes beside it.

One interpreter runs one thread's Python at a time: with many small files, threads mostly wait for one another.
"""

from collections.abc import Sequence
from queue import LifoQueue

from proofkeep.beside import Beside
from proofkeep.crypto.sealing import OVERHEAD
from proofkeep.errors import ProofkeepError, RestoreProcessGoneError
from proofkeep.filling import Batch, Filled, encode_batch
from proofkeep.format.table import MAX_FRAME_PLAIN
from proofkeep.restore.files import Shared

MOST = 4
_SEALED = MAX_FRAME_PLAIN + OVERHEAD  # neighbouring frames are read together up to the size of the largest one


class Worker:
    """One process that joined: `proofkeep.restore_worker`. It gets keys over the socket, and no store."""

    def __init__(self, chunk_keys: Sequence[bytes], shared: Shared) -> None:
        """Start it."""
        self.unset = 0, 0
        self._beside = Beside("proofkeep.restore_worker", _SEALED, [shared.directory])
        try:
            self._beside.connection.send((list(chunk_keys), shared.restore_owner))
        except OSError:
            self._beside.end()
            raise RestoreProcessGoneError("a process that fills the restore's files is gone") from None

    def fill(self, batch: Batch, sealed: bytes) -> Filled:
        """As `Filler.fill`. Raises `RestoreProcessGoneError` too."""
        try:
            self._beside.hand(sealed)
            self._beside.connection.send_bytes(encode_batch(batch))
            answer, self.unset = self._beside.connection.recv()
        except (OSError, EOFError):
            raise RestoreProcessGoneError("a process that fills the restore's files is gone") from None
        if isinstance(answer, ProofkeepError):
            raise answer
        filled: Filled = answer
        return filled

    def end(self) -> None:
        """Afterwards it writes nothing more."""
        self._beside.end()


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
