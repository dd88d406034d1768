"""Index objects of a run: which rows go into which, and under which number."""

from typing import TYPE_CHECKING

from proofkeep import events
from proofkeep.errors import ObjectExistsError
from proofkeep.format import index, names
from proofkeep.format.index import Index, PackRow
from proofkeep.journal import JournalObject, JournalPack
from proofkeep.repository import Repository
from proofkeep.repository.local_rows import index_key, open_row
from proofkeep.state import replace_file

if TYPE_CHECKING:
    from proofkeep.backup.run import Backup


def index_row(repository: Repository, pack: JournalPack) -> PackRow:
    """What the index says of a pack."""
    table = open_row(repository, pack.sealed_table, pack.id.name)
    return PackRow(pack.id.writer, pack.id.data_key, pack.id.counter, pack.header, pack.size, None, table)


class Indexing:
    """Places a run's index objects; made and used under the ledger lock, which also guards the numbers."""

    def __init__(self, run: "Backup") -> None:
        self._run = run
        self._repository = run.repository
        self._journal = run.journal

    def place(self) -> None:
        """Keep index objects for all packs that no index names yet, and put them.

        Raises:
            StoreError, TransportError: of the kind met.
        """
        rows = [index_row(self._repository, pack) for pack in self._journal.packs() if not pack.indexed]
        kept = list(self._journal.objects("kind='index' AND generation=?", (self._journal.generation,)))
        if rows and not kept:
            with self._journal.transaction():
                kept = [self._keep(group) for group in _groups(rows)]
        for item in kept:
            self._put(item)

    def _keep(self, rows: list[PackRow]) -> JournalObject:
        name, body = self._seal(Index(rows, []))
        return self._journal.keep_object(name, "index", self._journal.generation, body)

    def _seal(self, content: Index) -> tuple[str, bytes]:
        """An index object under the next number: its name and bytes."""
        keys, writer, number = self._repository.keys.current, self._run.writer, self._next_number()
        body = index.seal_index(keys.index, self._repository.id, writer, keys.epoch, number, content)
        return names.index(writer, number), body

    def _next_number(self) -> int:
        """A number no index object of this writer has, allocated durably.

        The store is asked too: in a state directory that was put back, the file is older than the store's content.
        """
        file = self._run.state.path / "index-number"
        number = int(file.read_text("ascii")) if file.exists() else 0
        after = names.index(self._run.writer, number - 1) if number else ""
        for stat in self._repository.store.list(f"{names.INDEX}{self._run.writer.hex()}/", after=after):
            number = names.parse_numbered(stat.name)[1] + 1
        replace_file(file, str(number + 1).encode())
        return number

    def _put(self, item: JournalObject) -> None:
        """Put an index object, under another number when a state directory like ours, older or cloned, took its own."""
        while True:
            try:
                self._run.sender.place_object(item)
            except ObjectExistsError:
                events.emit("index-number-taken", outcome="failure", object=item.name)
                item = self._renumbered(item)
            else:
                return

    def _renumbered(self, item: JournalObject) -> JournalObject:
        key = index_key(self._repository, item.body, item.name)
        writer, number = names.parse_numbered(item.name)
        name, body = self._seal(index.open_index(key, self._repository.id, writer, number, item.body))
        self._journal.replace_objects([(item.name, name, body)])
        return next(self._journal.objects("name=?", (name,)))


def _groups(rows: list[PackRow]) -> list[list[PackRow]]:
    groups: list[list[PackRow]] = [[]]
    size = 0
    for row in rows:
        if groups[-1] and size + len(row.table) > index.MAX_TABLES:
            groups.append([])
            size = 0
        groups[-1].append(row)
        size += len(row.table)
    return groups
