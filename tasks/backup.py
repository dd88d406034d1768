"""The steps of a backup as Prefect tasks. How each works is the engine's business; in what order, the flow's.

Streaming stages pull from each other and are never retried: a second attempt would find the stream exhausted and call
nothing a success. What comes after the spool takes receipts, is retried, and is found again by its cache key.
"""

import queue
from contextlib import closing
from dataclasses import asdict

from prefect import task

from proofkeep.backup import Backup
from proofkeep.backup.adopt import adopt as take_up
from proofkeep.backup.items import Compressed, EndOfStream, Sealed, Stopped
from proofkeep.journal import Transfer
from proofkeep.slabs import Slab
from tasks.boundary import Stage, only_our_errors, pulled
from tasks.kinds import DURABLE, REPEATABLE, STREAMING, Receipt
from tasks.retries import commit_key, transfer_key

Slabs = Stage[Slab | EndOfStream | Stopped]
Frames = Stage[Compressed | EndOfStream | Stopped]
Packs = Stage[list[Sealed] | EndOfStream | Stopped]
Closed = queue.Queue[Transfer | None]


@task(name="adopt", **REPEATABLE)
def adopt(backup: Backup) -> Receipt:
    """Send what abandoned runs of the same entry left in this host's spool, and let this run count on it."""
    with only_our_errors("adopt"):
        backup.adopted += take_up(backup)
        return {"adopted": [asdict(each) for each in backup.adopted]}


@task(name="snapshot", **STREAMING)
def snapshot(backup: Backup) -> Slabs:
    """Walk the source; yield slabs of what is stored nowhere yet."""
    with only_our_errors("snapshot"):
        yield from backup.snapshot()


@task(name="compress", **STREAMING)
def compress(backup: Backup, slabs: Slabs) -> Frames:
    """Group chunks into frames and compress them."""
    with only_our_errors("compress"), closing(pulled(slabs)) as before:
        yield from backup.compress(before)


@task(name="encrypt", **STREAMING)
def encrypt(backup: Backup, frames: Frames) -> Packs:
    """Seal frames with AES-256-GCM into packs, and prove each while its plaintext is in memory."""
    with only_our_errors("encrypt"), closing(pulled(frames)) as before:
        yield from backup.encrypt(before)


@task(name="checksum", **STREAMING)
def checksum(backup: Backup, packs: Packs, closed: Closed) -> dict[str, int] | Stopped:
    """Drain the chain into spool and journal; put each transfer that closes into `closed`, and None at the end."""
    try:
        with only_our_errors("checksum"), closing(pulled(packs)) as before:
            return backup.checksum(before, closed.put)
    finally:
        closed.put(None)


@task(
    name="upload",
    task_run_name="upload-{transfer.number}",
    tags=["proofkeep-upload"],
    cache_key_fn=transfer_key,
    **DURABLE,
)
def upload(backup: Backup, transfer: Transfer) -> Receipt:
    """Send what has not arrived of one transfer."""
    with only_our_errors("upload"):
        return asdict(backup.upload(transfer))


@task(
    name="verify",
    task_run_name="verify-{transfer.number}",
    tags=["proofkeep-verify"],
    cache_key_fn=transfer_key,
    **DURABLE,
)
def verify(backup: Backup, transfer: Transfer) -> Receipt:
    """Prove that the store holds one transfer as it was sealed."""
    with only_our_errors("verify"):
        return asdict(backup.verify(transfer))


@task(name="commit", tags=["proofkeep-commit"], cache_key_fn=commit_key, **DURABLE)
def commit(backup: Backup) -> Receipt:
    """Make the snapshot exist: index, ledger, record."""
    with only_our_errors("commit"):
        return asdict(backup.commit())
