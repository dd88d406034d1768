"""Composes the stages without Prefect: what the CLI runs."""

import queue
import random
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from proofkeep.backup.commit import CommitReceipt
from proofkeep.backup.run import Backup
from proofkeep.errors import CancelledError, ProofkeepError
from proofkeep.journal import Transfer

T = TypeVar("T")

ATTEMPTS = 4
FIRST_DELAY_SECONDS = 1.0
_TRANSFERS_AT_ONCE = 2
_WAIT_SECONDS = 0.2


def drive(backup: Backup, *, wait: Callable[[float], object] = time.sleep) -> CommitReceipt:
    """Run every stage of an open backup to the commit.

    Raises:
        PartialSnapshotError: committed, but something could not be read; `backup.unread` names it.
        ProofkeepError: of the kind met; whatever was sealed and sent is kept for the next attempt.
    """
    futures: list[Future[None]] = []

    def pause(seconds: float) -> None:
        while seconds > 0:
            if backup.cancelled():
                raise CancelledError("run was cancelled between two attempts")
            wait(min(seconds, _WAIT_SECONDS))
            seconds -= _WAIT_SECONDS

    def send(transfer: Transfer) -> None:
        retry(lambda: backup.upload(transfer), pause)
        retry(lambda: backup.verify(transfer), pause)

    backup.watch(lambda: _failure(futures))
    with ThreadPoolExecutor(_TRANSFERS_AT_ONCE, thread_name_prefix="transfer") as pool:
        futures.extend(pool.submit(send, transfer) for transfer in backup.transfers())
        if backup.needs_sealing:
            _seal(backup, lambda transfer: futures.append(pool.submit(send, transfer)))
    for future in futures:
        future.result()
    receipt = retry(backup.commit, pause)
    receipt.require_complete()
    return receipt


def _failure(futures: list[Future[None]]) -> BaseException | None:
    """Why nothing leaves the spool any more; None while something is on its way or nothing has failed."""
    if not all(future.done() for future in futures):
        return None
    return next((error for future in futures if (error := future.exception()) is not None), None)


def _seal(backup: Backup, on_transfer: Callable[[Transfer], None]) -> None:
    closed: queue.SimpleQueue[Transfer | None] = queue.SimpleQueue()
    backup.begin()
    stages = backup.encrypt(backup.compress(backup.snapshot()))
    with ThreadPoolExecutor(1, thread_name_prefix="checksum") as pool:
        sink = pool.submit(backup.checksum, stages, closed.put)
        sink.add_done_callback(lambda _: closed.put(None))
        while (transfer := closed.get()) is not None:
            on_transfer(transfer)
    backup.require_sealed(sink.result())


def retry(step: Callable[[], T], wait: Callable[[float], object]) -> T:
    """Repeat a step while its error says that this may help, with exponential delays and jitter."""
    for attempt in range(1, ATTEMPTS):
        try:
            return step()
        except ProofkeepError as error:
            if not error.retryable:
                raise
        wait(FIRST_DELAY_SECONDS * 2 ** (attempt - 1) * random.uniform(0.5, 1.5))  # noqa: S311 - jitter, no secret
    return step()
