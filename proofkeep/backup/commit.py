"""Stage 7, commit: confirm every pack, then index, ledger and record, in that order; each step may be repeated."""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from typing import TYPE_CHECKING

from proofkeep import events
from proofkeep.backup.confirm import GONE, RETIRED, confirm_keys, confirm_packs, drop_and_reopen, referred_packs, reopen
from proofkeep.backup.indexing import Indexing
from proofkeep.backup.session import CLOCK_CHECKED
from proofkeep.backup.teaching import teach_run
from proofkeep.backup.turn import turn
from proofkeep.backup.vouch import Vouching
from proofkeep.damage import packs_among
from proofkeep.errors import PackMissingError, PackRetiredError, PartialSnapshotError, StreamEndedEarlyError
from proofkeep.format import record
from proofkeep.format.names import PackId
from proofkeep.format.pack_set import Row, decode_packs, encode_packs
from proofkeep.format.record import Facts, LedgerHead
from proofkeep.journal import JournalObject
from proofkeep.ledger import Head, save_heads, spell_head
from proofkeep.repository.retirement import read_retired

if TYPE_CHECKING:
    from proofkeep.backup.run import Backup

Step = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class CommitReceipt:
    """A committed snapshot.

    Attributes:
        snapshot: `<run>.<generation>`.
        head: newest ledger entry of this writer, as `spell_head` writes it and `verify --expect-head` takes it.
        clock_checked: whether anybody else's clock was there to compare with.
        source_at: instant of the source in ns; None in receipts of older versions.
    """

    snapshot: str
    entry: str
    writer: str
    complete: bool
    totals: dict[str, int]
    packs: int
    head: str
    ledger_shares_neighbourhood: bool
    clock_checked: bool
    source_at: int | None = None

    def require_complete(self) -> None:
        """Raise `PartialSnapshotError` if something named could not be read."""
        if (partial := partial_of(self)) is not None:
            raise partial


def partial_of(receipt: CommitReceipt) -> PartialSnapshotError | None:
    """The error that an incomplete snapshot amounts to."""
    if receipt.complete:
        return None
    unread = receipt.totals["unread"]
    return PartialSnapshotError(f"snapshot {receipt.snapshot} is incomplete, unread files: {unread}")


class Committer:
    """Commits one run; all bytes it sends are in the journal before they leave."""

    def __init__(self, run: "Backup") -> None:
        self._run = run
        self._repository = run.repository
        self._journal = run.journal

    def commit(self) -> CommitReceipt:
        """Make the snapshot exist, or return the receipt of the commit that already did.

        Raises:
            StreamEndedEarlyError: sealing or a transfer has not ended.
            PackMissingError: a pack it refers to is gone or was found damaged, or its data key is gone; a retry sends
                what is missing.
            PackRetiredError: one was retired meanwhile; a retry sends what is missing.
            LedgerBusyError: another commit of this host does not come to its end.
            StoreError, TransportError: of the kind met.
        """
        done = self._journal.fact("committed")
        if done is not None:
            return CommitReceipt(**done)
        end = self._journal.end
        if end is None or any(transfer.waiting for transfer in self._journal.counts()):
            raise StreamEndedEarlyError(f"run {self._run.identity.run.hex()} has not sealed and verified everything")
        sizes = partial(referred_packs, self._run, bytes.fromhex(end["referred"]))
        self._run.underway.confirmed(0, 0)
        packs = encode_packs(pack for pack, _ in sizes())
        self._refuse_damaged(packs)
        dropped = [pack for pack, size in sizes() if size is None]
        self._refuse_gone(dropped, PackMissingError, "known to this host no more")
        self._refuse_gone(self._gone(sizes(), _count(packs)), PackMissingError, GONE)
        self._refuse_gone(self._without_keys(packs), PackMissingError, "without a sound key in the store")
        self._refuse_retired(packs)
        with turn(self._run):
            vouching = Vouching(self._run)
            vouching.close_earlier()
            for key in self._journal.objects("kind='key'"):
                self._run.sender.place_object(key)
            Indexing(self._run).place()
            head = vouching.append(self._journal.generation)
            self._place_record(end, packs, head)
            self._refuse_retired(packs)
            head = vouching.close(self._record_object())
        return self._finish(end, packs, head)

    def _gone(self, packs: Iterator[tuple[PackId, int | None]], total: int) -> list[PackId]:
        """Packs that the store does not hold any more."""
        gone = confirm_packs(self._repository.store, packs, lambda seen: self._run.underway.confirmed(seen, total))
        self._run.underway.confirmed(total, total)
        return gone

    def _without_keys(self, packs: list[Row]) -> list[PackId]:
        damaged, underway = frozenset(self._run.options.damaged), self._run.underway
        return confirm_keys(self._repository, packs, damaged, lambda seen: underway.confirmed_keys(seen, len(packs)))

    def _refuse_gone(
        self,
        gone: list[PackId],
        error: type[PackMissingError | PackRetiredError],
        what: str,
        begin_anew: Callable[["Backup", list[PackId], str], None] = drop_and_reopen,
    ) -> None:
        if gone:
            begin_anew(self._run, gone, what)
            raise error(f"pack {gone[0].name} and {len(gone) - 1} others are {what}; nothing was lost from the source")

    def _refuse_damaged(self, packs: list[Row]) -> None:
        """A run that had read its source before they were found damaged refers to them still."""
        damaged = set(packs_among(self._run.options.damaged))
        hit = [pack for pack in decode_packs(packs) if pack in damaged] if damaged else []
        self._refuse_gone(hit, PackMissingError, "known to be damaged", reopen)

    def _refuse_retired(self, packs: list[Row]) -> None:
        retired, _ = read_retired(self._repository)
        hit = [pack for pack in decode_packs(packs) if pack in retired]
        self._refuse_gone(hit, PackRetiredError, RETIRED)

    # --- record

    def _record_object(self) -> JournalObject:
        return next(self._journal.objects("name=?", (self._run.snapshot_id.name,)))

    def _place_record(self, end: dict[str, object], packs: list[Row], head: Head) -> None:
        snapshot = self._run.snapshot_id
        if not list(self._journal.objects("name=?", (snapshot.name,))):
            totals = dict(end["totals"])  # type: ignore[call-overload] # a fact is JSON
            facts = Facts(
                totals["unread"] == 0,
                snapshot.entry,
                self._run.options.expires_ns,
                snapshot.generation,
                self._repository.keys.ids.epoch,
                LedgerHead(self._run.writer, head.sequence, head.sha256),
                packs,
                snapshot.run,
                self._journal.fact("source_at"),
                totals,
                [(snapshot.run, generation) for generation in self._journal.fact("withdrawn") or ()],
            )
            keys = self._repository.keys.current
            roots = bytes.fromhex(str(end["roots"]))
            body = record.seal_record(keys.index, self._repository.id, snapshot.writer, keys.epoch, facts, roots)
            self._journal.keep_object(snapshot.name, "record", snapshot.generation, body)
        self._run.sender.place_object(self._record_object())

    # --- after the commit point

    def _finish(self, end: dict[str, object], packs: list[Row], head: Head) -> CommitReceipt:
        totals = dict(end["totals"])  # type: ignore[call-overload] # a fact is JSON
        teach_run(self._run, head)
        self._run.catalog.set_totals(self._run.entry, totals["files"], totals["bytes"])
        save_heads(self._run.state.heads_file, self._run.catalog.heads())
        receipt = CommitReceipt(
            self._run.snapshot_id.short,
            self._run.entry.hex(),
            self._run.writer.hex(),
            totals["unread"] == 0,
            totals,
            _count(packs),
            spell_head(self._run.writer, head),
            self._repository.ledger_shares_neighbourhood,
            self._run.clock_checked or self._journal.fact(CLOCK_CHECKED) is True,
            self._journal.fact("source_at"),
        )
        self._journal.set_fact("committed", asdict(receipt))
        self._journal.noted.clear()
        self._run.spool.clear()
        events.emit("snapshot-commit", snapshot=receipt.snapshot, complete=receipt.complete, packs=receipt.packs)
        return receipt


def _count(packs: list[Row]) -> int:
    return sum(1 for _ in decode_packs(packs))
