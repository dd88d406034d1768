"""Composes the stages without Prefect: what the CLI runs."""

import queue
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

from proofkeep.backup.adopt import adopt
from proofkeep.backup.commit import CommitReceipt
from proofkeep.backup.retrying import pausing, retry
from proofkeep.backup.run import Backup
from proofkeep.journal import Transfer

_TRANSFERS_AT_ONCE = 2


def drive(backup: Backup, *, wait: Callable[[float], object] = time.sleep) -> CommitReceipt:
    """Run every stage of an open backup to the commit, having taken up what abandoned runs of its entry left.

    Raises:
        PartialSnapshotError: committed, but something could not be read; `backup.unread` names it.
        ProofkeepError: of the kind met; whatever was sealed and sent is kept for the next attempt.
    """
    futures: list[Future[None]] = []

    pause = pausing(wait, backup.cancelled)

    def send(transfer: Transfer) -> None:
        retry(lambda: backup.upload(transfer), pause)
        retry(lambda: backup.verify(transfer), pause)

    if backup.needs_sealing:
        backup.adopted = adopt(backup, pause)
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
