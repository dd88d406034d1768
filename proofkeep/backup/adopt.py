"""Take up what an abandoned run left: send it, name it in index and ledger, teach the catalog (decision 0006)."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, NoReturn, Self

from proofkeep import events
from proofkeep.backup.adopted import Adopted
from proofkeep.backup.commit import CommitReceipt
from proofkeep.backup.confirm import GONE, RETIRED, confirm_keys, confirm_packs, drop_and_reopen
from proofkeep.backup.indexing import Indexing
from proofkeep.backup.options import Identity, Options
from proofkeep.backup.retrying import Pause, retry
from proofkeep.backup.run import Backup
from proofkeep.backup.sender import after_sender
from proofkeep.backup.teaching import teach_run
from proofkeep.backup.turn import turn
from proofkeep.backup.vouch import Vouching
from proofkeep.errors import (
    IntegrityError,
    JournalBusyError,
    ObjectExistsError,
    PackMissingError,
    SourceUnavailableError,
    StateError,
)
from proofkeep.format.pack_set import decode_packs, encode_packs
from proofkeep.journal import Transfer
from proofkeep.ledger import Head, save_heads
from proofkeep.model import Finding, Node, SourceDescription
from proofkeep.repository import Repository
from proofkeep.repository.retirement import read_retired
from proofkeep.state import RepositoryState
from proofkeep.unfinished import ADOPTED, UnfinishedRun, unfinished_runs

_POISONED = (IntegrityError, ObjectExistsError, StateError)
"""What is wrong with one run's folder only, and must not keep the entry's next run from its source."""


class LeftRun(Backup):
    """An abandoned run, opened by another one: without its source and without a data key.

    Raises, on opening:
        JournalBusyError: it is live after all.
    """

    def __init__(
        self,
        repository: Repository,
        state: RepositoryState,
        left: UnfinishedRun,
        identity: Identity,
        options: Options,
        **how: Any,
    ) -> None:
        """`identity` is of who opens it; `how` are the keywords of `Backup`."""
        entry = left.name or identity.entry
        identity = replace(identity, run=bytes.fromhex(left.run), entry=entry, orchestrator=left.orchestrator)
        options = replace(options, expires_ns=left.expires_ns)
        super().__init__(repository, state, NoSource(), (), identity, options, **how)
        self._sends_for = left.entry

    @classmethod
    def beside(cls, run: Backup, left: UnfinishedRun) -> Self:
        """One of the same entry and host as `run`."""
        how = {"cancelled": run.cancelled, "progress": run.progress, "clock": run.clock}
        return cls(run.repository, run.state, left, run.identity, run.options, **how)

    def _recover(self) -> None:
        self._held, _ = self.journal.size()
        before = self.journal.fact("committed")
        super()._recover()
        if before is not None:  # while others were resumed; what is incomplete was reopened just now
            self.recognised = CommitReceipt(**before)

    def _refuse_abandoned(self) -> None:
        """Not here: what had arrived before it was abandoned is as good as any."""

    def take_up(self, pause: Pause | None) -> Adopted:
        """Send, prove, name and remember everything it sealed; every step may be repeated.

        Raises:
            StoreError, TransportError: of the kind met; what was sent stays sent.
            LedgerBusyError: another commit of this host does not come to its end.
            IntegrityError, StateError: journal or chain do not hold.
        """
        journal = self.journal
        if self.needs_sealing:
            journal.reopen_without((), "")  # whoever still seals for the generation that ends here cannot commit it
        sent = self.send_all(pause)
        retry(self._name_all, pause)
        packs, size = journal.size()
        events.emit("run-adopted", run=self.identity.run.hex(), packs=packs, sent=sent)
        return Adopted(self.identity.run.hex(), packs, size, sent, self._held - packs)

    def send_all(self, pause: Pause | None) -> int:
        """Send and prove every transfer, without packs that do not hold; how many were sent just now."""
        unsent = {pack.number for pack in self.journal.packs() if pack.sent is None}
        for transfer in self.transfers():
            self._send(transfer, pause)
        return sum(pack.number in unsent and pack.sent is not None for pack in self.journal.packs())

    def _send(self, transfer: Transfer, pause: Pause | None) -> None:
        """Send and prove one transfer, without those of its packs that do not hold."""
        while True:
            left = self.journal.size()
            try:
                retry(lambda: self.upload(transfer), pause)
                retry(lambda: self.verify(transfer), pause)
            except PackMissingError:
                if self.journal.size() == left:
                    raise
            else:
                return

    def _name_all(self) -> None:
        """Index objects, ledger entries, catalog; then the mark that this is done."""
        if gone := self._gone():
            drop_and_reopen(self, gone, f"{GONE} or {RETIRED}")
        journal = self.journal
        with turn(self):
            if any(journal.unindexed_packs()):
                head = self._place()
                teach_run(self, head)
                save_heads(self.state.heads_file, self.catalog.heads())
            with journal.transaction():
                journal.set_fact("ledgered_keys", [item.name for item in journal.objects("kind='key'")])
                journal.set_fact(ADOPTED, {"at_ns": self.clock()})
        journal.noted.clear()
        self.spool.keep_only(())

    def _gone(self) -> list[Any]:
        """Packs that the store holds no more, or not for long."""
        store = self.repository.store
        rows = encode_packs(pack.id for pack in self.journal.packs())
        retired, _ = read_retired(self.repository)
        gone = {
            *confirm_packs(store, ((pack.id, pack.size) for pack in self.journal.packs())),
            *confirm_keys(self.repository, rows),
            *(pack for pack in decode_packs(rows) if pack in retired),
        }
        return sorted(gone)

    def _place(self) -> Head:
        vouching = Vouching(self)
        for key in self.journal.objects("kind='key'"):
            self.sender.place_object(key)
        Indexing(self).place()
        return vouching.append(self.journal.generation)


def left_for(run: Backup) -> list[UnfinishedRun]:
    """Abandoned runs of the same entry on this host: packs that a new run can do with, rests that it removes.

    Also those that another process sends just now.
    """
    others = (left for left in unfinished_runs(run.state) if left.run != run.identity.run.hex())
    return [left for left in others if left.sent_for == run.entry.hex() or _is_left(left, run)]


def _is_left(left: UnfinishedRun, run: Backup) -> bool:
    return left.entry == run.entry.hex() and (left.holds_packs or left.holds_rests)


def adopt(run: Backup, pause: Pause | None = None) -> list[Adopted]:
    """Take up what abandoned runs of the same entry left on this host; call before the source is read.

    One that another process sends is waited for first. What of them does not hold, or does not come to its end, becomes
    a finding of `run`.

    Args:
        pause: between attempts; without it nothing is tried twice.

    Raises:
        StoreError, TransportError: of the kind met.
        CancelledError
    """
    return list(_adopt(run, pause))


def _adopt(run: Backup, pause: Pause | None) -> Iterator[Adopted]:
    for found in left_for(run):
        try:
            left = after_sender(run, found) if found.sent_for else found
            if left is None or not _is_left(left, run):
                continue
            with LeftRun.beside(run, left) as opened:  # which removes what in its spool is of no pack
                # One that was recognised just now has nothing to take up.
                if left.holds_packs and opened.journal.fact("committed") is None:
                    yield opened.take_up(pause)
        except JournalBusyError:
            continue  # it was taken up by somebody, or went on itself
        except _POISONED as error:
            events.emit("run-not-adopted", outcome="failure", run=found.run, code=error.code)
            run.findings.append(Finding(error.code, f"run {found.run}", f"left where it is: {error}"))


class NoSource:
    """Stands where a run needs none. Implements `Source`."""

    label = ""
    facts = SourceDescription(b"")

    def walk(self, *, reading: bool = False) -> NoReturn:  # noqa: ARG002 - the port's
        """Never."""
        raise _unwanted()

    def count(self) -> NoReturn:
        """Never."""
        raise _unwanted()

    def open(self, node: Node) -> NoReturn:  # noqa: ARG002 - the port's
        """Never."""
        raise _unwanted()

    def read_whole(self, node: Node, buffer: memoryview) -> NoReturn:  # noqa: ARG002 - the port's
        """Never."""
        raise _unwanted()

    def again(self, node: Node) -> NoReturn:  # noqa: ARG002 - the port's
        """Never."""
        raise _unwanted()


def _unwanted() -> SourceUnavailableError:
    return SourceUnavailableError("source of a run that another one takes up is not to be read")
