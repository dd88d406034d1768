"""A run whose snapshot is committed and whose journal does not know: its state directory was put back from a copy."""

from contextlib import suppress
from dataclasses import asdict
from typing import TYPE_CHECKING

from proofkeep import events
from proofkeep.backup.commit import CommitReceipt
from proofkeep.errors import REFUSED, ObjectMissingError
from proofkeep.format import names
from proofkeep.format.names import SnapshotId
from proofkeep.format.pack_set import decode_packs, encode_packs, packs_beyond
from proofkeep.history_database import note_loss
from proofkeep.ledger import Head, load_heads, read_chain, save_heads, spell_head
from proofkeep.repository.stored import read_digest
from proofkeep.unfinished import ABANDONED

if TYPE_CHECKING:
    from proofkeep.backup.run import Backup


def recognise(run: "Backup") -> CommitReceipt | None:
    """Note in the run's journal the newest snapshot that its writer committed of it, if the journal knows of none.

    Nothing is noted unless the writer's ledger vouches for the record, and that names all packs of the journal: else
    the record is a clone's. What the journal holds of a complete one lies in the store, and leaves the spool; an
    incomplete one is completed by the next generation, as ever.

    Returns:
        What was committed; None where nothing was noted.

    Raises:
        StoreError, TransportError: it could not look.
    """
    snapshot = _newest(run)
    given_up = run.journal.fact(ABANDONED) is not None  # a generation of its own, and never committed
    if snapshot is None or (snapshot.generation < run.journal.generation and not given_up):
        return None
    with suppress(*REFUSED, ObjectMissingError):  # what does not hold is no snapshot; the commit meets it
        found = _vouched(run, snapshot)
        if found is not None and (found[0].complete or not given_up):
            _note(run, snapshot, *found)
            return found[0]
    return None


def _newest(run: "Backup") -> SnapshotId | None:
    first = SnapshotId(run.entry, run.writer, run.identity.run, 0).name
    found = [stat.name for stat in run.repository.store.list(first[: first.rindex(".") + 1])]
    return names.parse_snapshot(found[-1]) if found else None


def _vouched(run: "Backup", snapshot: SnapshotId) -> tuple[CommitReceipt, Head] | None:
    """With the entry that names the record; None where none does, or it is what the journal was about to commit."""
    from proofkeep.snapshots.records import read_record  # noqa: PLC0415 - almost no backup needs it

    facts = read_record(run.repository, snapshot)
    digest, _ = read_digest(run.repository.store, snapshot.name)
    if any(item.sha256 == digest for item in run.journal.objects("name=?", (snapshot.name,))):
        return None
    sealed = encode_packs(sorted(pack.id for pack in run.journal.packs()))
    if next(packs_beyond(sealed, facts.packs), None) is not None:
        return None
    before = Head(facts.ledger.sequence, facts.ledger.sha256)
    closing = (link for link in read_chain(run.repository, run.writer, before) if link[0].kind == "close")
    named = (snapshot.name, digest)
    closed = [head for entry, head in closing if any((item.name, item.sha256) == named for item in entry.objects)]
    if not closed:
        return None
    receipt = CommitReceipt(
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
    return receipt, closed[0]


def _note(run: "Backup", snapshot: SnapshotId, receipt: CommitReceipt, closed: Head) -> None:
    remembered = load_heads(run.state.heads_file).get(run.writer)
    if remembered is None or remembered.sequence < closed.sequence:  # else only the run's own folder was lost
        note_loss(run.state.path.parent)  # first: a run that is committed is not recognised again
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
    events.emit("snapshot-recognised", snapshot=receipt.snapshot, complete=receipt.complete)
