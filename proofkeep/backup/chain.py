"""This writer's ledger chain: where it ends now, and putting entries there that the journal keeps."""

from collections.abc import Iterable, Iterator
from hashlib import sha256
from typing import TYPE_CHECKING

from proofkeep import events
from proofkeep.catalog.refresh import learn_entry
from proofkeep.errors import ObjectExistsError, RollbackError
from proofkeep.format import ledger_entry, names
from proofkeep.format.ledger_entry import LedgerEntry
from proofkeep.journal import JournalObject
from proofkeep.ledger import Head, open_entry, read_chain
from proofkeep.repository.stored import read_digest

if TYPE_CHECKING:
    from proofkeep.backup.run import Backup


class Chain:
    """The chain's end, followed as it grows; made and used under the ledger lock.

    Attributes:
        head: the newest entry.
        closed: records whose closing entries were seen on the way.
    """

    def __init__(self, run: "Backup") -> None:
        self._run = run
        self._repository = run.repository
        self._journal = run.journal
        self.head = run.catalog.head(run.writer)
        self.closed: set[str] = set()
        self._read_on()

    def _read_on(self) -> None:
        """Follow the chain to its end; what other runs of this writer stored is learned on the way.

        Our own entries are not: what this run stored and still has, the catalog learns when it commits.
        """
        for entry, head in read_chain(self._repository, self._run.writer, self.head):
            if entry.run.get("id") != self._run.identity.run.hex():
                learn_entry(self._repository, self._run.catalog, entry, head)
            if entry.kind == "close":
                self.closed.update(item.name for item in entry.objects)
            self.head = head

    def seal(self, entry: LedgerEntry, head: Head) -> tuple[str, bytes, Head]:
        """An entry linked to `head`: its name, its bytes, and the head behind it."""
        sequence = head.sequence + 1
        linked = LedgerEntry(
            entry.writer,
            sequence,
            entry.epoch,
            entry.at_ns,
            entry.kind,
            head.sha256,
            entry.objects,
            entry.run,
            entry.session,
            entry.heads,
        )
        key = self._repository.keys.epochs[entry.epoch].ledger
        body = ledger_entry.seal_entry(key, self._repository.id, linked)
        return names.ledger(entry.writer, sequence), body, Head(sequence, sha256(body).digest())

    def place(self, kept: Iterable[JournalObject]) -> None:
        """Put kept entries in order, on a new head if the chain has grown since; nothing for those in it already.

        Raises:
            RollbackError: an entry that was proven is in the chain no more.
            ObjectExistsError: a place in the chain is taken by something that the chain does not show.
        """
        waiting = [item.name for item in kept if not self._holds(item)]
        while waiting:
            item = self._item(waiting[0])
            if self._opened(item).previous != self.head.sha256:
                waiting = self._relink(waiting)
                item = self._item(waiting[0])
            try:
                self._run.sender.place_object(item)
            except ObjectExistsError:
                # Only a second state directory with our writer id could have taken the place since we read the chain.
                events.emit("ledger-foreign-entry", outcome="failure", object=item.name)
                before = self.head
                self._read_on()
                if self.head == before:
                    raise
                continue
            self.head = Head(_sequence(item), item.sha256)
            del waiting[0]

    def _holds(self, item: JournalObject) -> bool:
        """Whether the chain as read holds this entry, and if so, see that the journal knows."""
        there = _sequence(item) <= self.head.sequence
        if item.verified is not None:
            if not there:
                raise RollbackError(f"ledger entry {item.name} was proven and is gone")
            return True
        if there and read_digest(self._repository.ledger_store, item.name)[0] == item.sha256:
            self._run.sender.place_object(item)
            return True
        return False

    def _opened(self, item: JournalObject) -> LedgerEntry:
        return open_entry(self._repository, self._run.writer, _sequence(item), item.body)

    def _item(self, name: str) -> JournalObject:
        return next(self._journal.objects("name=?", (name,)))

    def _relink(self, waiting: list[str]) -> list[str]:
        """Put the same entries on the present head, each under the name of its new place, in one step; these names."""
        placed: list[str] = []

        def rows() -> Iterator[tuple[str, str, bytes]]:
            head = self.head
            for before in waiting:
                name, body, head = self.seal(self._opened(self._item(before)), head)
                placed.append(name)
                yield before, name, body

        self._journal.replace_objects(rows())
        return placed


def _sequence(item: JournalObject) -> int:
    return names.parse_numbered(item.name)[1]
