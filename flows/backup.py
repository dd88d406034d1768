"""The flow `backup`: which step follows which, what a person sees of it, and how it ends."""

import threading
from collections.abc import Callable, Sequence
from concurrent import futures
from contextlib import ExitStack
from dataclasses import asdict, replace
from typing import Any

import msgspec
from prefect import flow
from prefect.client.schemas.objects import State
from prefect.futures import PrefectConcurrentFuture
from prefect.states import Failed

from blocks import Repository, Source, load_block
from flows.backup_card import say_commit
from flows.cards import Card, failure_told
from flows.host import claim, claim_journal, refuse_elsewhere, refuse_moved
from flows.lateness import missed_window
from flows.limits import durable, slot_at
from flows.options import DEFAULTS, BackupOptions
from flows.progress import BackupProgress
from flows.remembering import remembering
from flows.runs import began_ns, named_by, this_run
from flows.telling import telling
from flows.transfers import TRAVELLING_AT_ONCE, Transfers
from flows.watching import in_thread, threads, watched
from proofkeep.attempts import BACKUP
from proofkeep.backup import Backup
from proofkeep.backup.adopt import left_for
from proofkeep.backup.commit import CommitReceipt, partial_of
from proofkeep.backup.items import Stopped
from proofkeep.configuration import Configuration, read_before
from proofkeep.inventory.fields import Name
from proofkeep.pings import pinged
from tasks.backup import adopt, checksum, commit, compress, encrypt, snapshot, upload, verify
from tasks.boundary import only_our_errors
from tasks.kinds import Receipt

PARTIAL = "Partial"

Last = Callable[[], PrefectConcurrentFuture[Receipt]]
Sink = PrefectConcurrentFuture[dict[str, int] | Stopped]


@flow(
    name="backup",
    flow_run_name=named_by("entry"),
    task_runner=threads(TRAVELLING_AT_ONCE + 2),  # the sink, and one to spare
    **telling(),
)
def backup(entry: Name, repository: str, source: str, options: BackupOptions = DEFAULTS) -> Receipt | State[Any]:
    """Back up one inventory entry and return the receipt of its commit.

    A retry goes on from the journal on the run's host. An incomplete snapshot is committed too; its run ends Failed
    with the name Partial, and a retry reads again what was missing.

    Args:
        entry: name of the inventory entry.
        repository: name of a Proofkeep Repository block.
        source: name of a Proofkeep Source block.
        options: knobs of the run.
    """
    run = this_run()
    with failure_told("backup", entry) as card, ExitStack() as held:
        with remembering("backup", run):
            claim(run)
            card.first |= missed_window(run, options.window_seconds)
            held.enter_context(slot_at(repository, run))
            block = load_block(Repository, repository)
            configured = block.configuration(entry=entry, source=load_block(Source, source), backup=options.section())
        refuse_elsewhere(run, configured.state)
        refuse_moved(run, configured.state)
        return _run(entry, block, configured, options, card)


def _run(
    entry: str, block: Repository, configuration: Configuration, options: BackupOptions, card: Card
) -> Receipt | State[Any]:
    """From the first ping to how it ended."""
    with (
        pinged(configuration.pings(), BACKUP, card.note) as ping,
        configuration.recorded(BACKUP, [entry], this_run().id.hex) as recording,
        only_our_errors("backup"),
    ):
        receipt = _back_up(configuration, block.session(), options, card, recording.known)
        incomplete = partial_of(receipt)
        recording.source_at, recording.failure = receipt.source_at, incomplete
        ping.counts = receipt.totals
        if receipt.source_at and (said := read_before(configuration, this_run().id.hex, receipt.source_at)):
            card.note(said)
        if incomplete is None:
            return asdict(receipt)
        ping.code = incomplete.code
    error = card.fail(incomplete)
    return Failed(name=PARTIAL, message=str(error), data=error)


def _back_up(
    configuration: Configuration, session: Any, options: BackupOptions, card: Card, damaged: Sequence[str]
) -> CommitReceipt:
    """From the first connection to the commit; `damaged` as the engine's options have it."""
    run = this_run()
    connected = configuration.connect(session)
    state = configuration.open_state(connected)
    claim_journal(run)
    cancelled = threading.Event()
    progress = BackupProgress()
    identity = configuration.identity(run.id.bytes, orchestrator=str(run.id))
    with Backup(
        connected,
        state,
        configuration.open_source(),
        configuration.key_providers(session),
        identity,
        replace(configuration.options(now_ns=began_ns(run)), damaged=tuple(damaged)),
        cancelled=cancelled.is_set,
        progress=progress,
    ) as engine:
        often = options.attempts
        transfers = Transfers(engine, durable(upload, often), durable(verify, often), progress.show_transfers)
        card.also = transfers.failures
        engine.watch(transfers.stuck)
        last = durable(commit, often)
        receipt = _steps(engine, transfers, lambda: in_thread(last.submit(engine)), progress, cancelled)
        say_commit(card, identity.entry, engine, receipt, transfers.receipts)
    progress.finish(f"snapshot {receipt['snapshot']} is committed")
    return msgspec.convert(receipt, CommitReceipt)


def _steps(
    engine: Backup, transfers: Transfers, last: Last, progress: BackupProgress, cancelled: threading.Event
) -> Receipt:
    """Every task run of the backup. Whatever ends it, no thread works on the journal when this returns."""
    sink: Sink | None = None
    try:
        if engine.needs_sealing:
            if left_for(engine):
                adopt(engine)
            engine.begin()
            packs = encrypt(engine, compress(engine, snapshot(engine)))
            sink = in_thread(checksum.submit(engine, packs, transfers.closed))
        transfers.send(sink)
        engine.require_sealed(sink.result() if sink is not None else None)
        if transfers.failures:
            raise transfers.failures[0]
        return watched(last(), progress.show_commit, cancelled)
    finally:
        cancelled.set()
        transfers.join()
        if sink is not None:
            futures.wait([sink.wrapped_future])
