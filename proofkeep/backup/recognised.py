"""A run whose snapshot is committed and whose journal does not know: its state directory was put back from a copy."""

from contextlib import suppress
from dataclasses import asdict
from typing import TYPE_CHECKING

from proofkeep import events
from proofkeep.backup.commit import CommitReceipt
from proofkeep.errors import REFUSED, ObjectMissingError
from proofkeep.format import names
from proofkeep.format.names import SnapshotId
from proofkeep.format.pack_set import decode_packs
from proofkeep.history_database import note_loss
from proofkeep.ledger import Head, read_chain, save_heads, spell_head
from proofkeep.repository.stored import read_digest
from proofkeep.unfinished import ABANDONED

if TYPE_CHECKING:
    from proofkeep.backup.run import Backup


def recognise(run: "Backup") -> None:
    """Note in the run's journal the newest snapshot that its writer committed of it, if the journal knows of none.

    Nothing is noted unless the writer's ledger vouches for the record. What the journal holds of a complete one lies
    in the store, and leaves the spool; an incomplete one is completed by the next generation, as ever.

    Raises:
        StoreError, TransportError: it could not look.
    """
    snapshot = _newest(run)
    given_up = run.journal.fact(ABANDONED) is not None  # a generation of its own, and never committed
    if snapshot is None or (snapshot.generation < run.journal.generation and not given_up):
        return
    with suppress(*REFUSED, ObjectMissingError):  # what does not hold is no snapshot; the commit meets it
        receipt = _vouched(run, snapshot)
        if receipt is not None and (receipt.complete or not given_up):
            _note(run, snapshot, receipt)


def _newest(run: "Backup") -> SnapshotId | None:
    first = SnapshotId(run.entry, run.writer, run.identity.run, 0).name
    found = [stat.name for stat in run.repository.store.list(first[: first.rindex(".") + 1])]
    return names.parse_snapshot(found[-1]) if found else None


def _vouched(run: "Backup", snapshot: SnapshotId) -> CommitReceipt | None:
    """None where the ledger does not name the record, or where it is what the journal itself was about to commit."""
    from proofkeep.snapshots.records import read_record  # noqa: PLC0415 - almost no backup needs it

    facts = read_record(run.repository, snapshot)
    digest, _ = read_digest(run.repository.store, snapshot.name)
    if any(item.sha256 == digest for item in run.journal.objects("name=?", (snapshot.name,))):
        return None
    before = Head(facts.ledger.sequence, facts.ledger.sha256)
    closing = (entry for entry, _ in read_chain(run.repository, run.writer, before) if entry.kind == "close")
    if not any((item.name, item.sha256) == (snapshot.name, digest) for entry in closing for item in entry.objects):
        return None
    return CommitReceipt(
        snapshot.short,
        snapshot.entry.hex(),
        snapshot.writer.hex(),
        facts.complete,
        facts.totals,
        sum(1 for _ in decode_packs(facts.packs)),
        spell_head(run.writer, run.catalog.head(run.writer)),
        run.repository.ledger_shares_neighbourhood,
        run.clock_checked,
        facts.source_at,
    )


def _note(run: "Backup", snapshot: SnapshotId, receipt: CommitReceipt) -> None:
    journal = run.journal
    with journal.transaction():
        if receipt.complete:
            journal.reopen_without((pack.id for pack in journal.packs()), "")
            journal.set_fact("missing", None)
        journal.set_fact("generation", snapshot.generation)
        journal.set_fact("source_at", receipt.source_at)
        journal.set_fact("committed", asdict(receipt))
    journal.noted.clear()
    if receipt.complete:
        run.spool.clear()
    save_heads(run.state.heads_file, run.catalog.heads())
    note_loss(run.state.path.parent)  # what this host noted since the copy was made is forgotten, too
    events.emit("snapshot-recognised", snapshot=receipt.snapshot, complete=receipt.complete)
