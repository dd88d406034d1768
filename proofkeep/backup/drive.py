"""Composes the stages without Prefect: what the CLI runs."""

import queue
import random
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from proofkeep.backup.commit import CommitReceipt
from proofkeep.backup.items import Stopped
from proofkeep.backup.run import Backup
from proofkeep.errors import PartialSnapshotError, ProofkeepError, StreamEndedEarlyError
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
    failures: list[ProofkeepError] = []
    futures: list[Future[None]] = []

    def send(transfer: Transfer) -> None:
        try:
            retry(lambda: backup.upload(transfer), wait)
            retry(lambda: backup.verify(transfer), wait)
        except ProofkeepError as error:
            failures.append(error)

    backup.watch(lambda: failures[0] if failures and all(future.done() for future in futures) else None)
    with ThreadPoolExecutor(_TRANSFERS_AT_ONCE, thread_name_prefix="transfer") as pool:
        futures.extend(pool.submit(send, transfer) for transfer in backup.transfers())
        if backup.needs_sealing:
            _seal(backup, lambda transfer: futures.append(pool.submit(send, transfer)))
    if failures:
        raise failures[0]
    receipt = retry(backup.commit, wait)
    if not receipt.complete:
        raise PartialSnapshotError(f"snapshot {receipt.snapshot} lacks {receipt.totals['unread']} unread files")
    return receipt


def _seal(backup: Backup, on_transfer: Callable[[Transfer], None]) -> None:
    closed: queue.Queue[Transfer] = queue.Queue()
    backup.begin()
    stages = backup.encrypt(backup.compress(backup.snapshot()))
    with ThreadPoolExecutor(1, thread_name_prefix="checksum") as pool:
        sink = pool.submit(backup.checksum, stages, closed.put)
        while not sink.done() or not closed.empty():
            try:
                on_transfer(closed.get(timeout=_WAIT_SECONDS))
            except queue.Empty:
                continue
    result = sink.result()
    if isinstance(result, Stopped):
        raise result.error
    if backup.needs_sealing:
        raise StreamEndedEarlyError("stream ended without its totals")


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
