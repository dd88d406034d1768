"""Index objects of a run: which rows go into which, and under which number."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from proofkeep import events
from proofkeep.errors import ObjectExistsError, ObjectMissingError
from proofkeep.format import index, names
from proofkeep.format.index import Index, PackRow
from proofkeep.journal import JournalObject, JournalPack
from proofkeep.model import Finding
from proofkeep.repository import Repository
from proofkeep.repository.local_rows import index_key, open_row
from proofkeep.repository.stored import exists
from proofkeep.state import malformed, replace_file, telling

if TYPE_CHECKING:
    from proofkeep.backup.run import Backup

_NUMBER = re.compile(rb"[0-9]{1,9}")


def index_row(repository: Repository, pack: JournalPack, sealed_table: bytes) -> PackRow:
    """What the index says of a pack."""
    table = open_row(repository, sealed_table, pack.id.name)
    return PackRow(pack.id.writer, pack.id.data_key, pack.id.counter, pack.header, pack.size, None, table)


class Indexing:
    """Places a run's index objects; made and used under the ledger lock, which also guards the numbers."""

    def __init__(self, run: "Backup") -> None:
        self._run = run
        self._repository = run.repository
        self._journal = run.journal

    def place(self) -> None:
        """Keep index objects for all packs that no index names yet, and put them; also those that the store lost since.

        Raises:
            StoreError, TransportError: of the kind met.
        """
        self._put_back()
        if not any(self._kept()):
            with self._journal.transaction():
                for group in _groups(self._rows()):
                    name, body = self._seal(Index(group, []))
                    self._journal.keep_object(name, "index", self._journal.generation, body)
        for item in self._kept():
            self._put(item)

    def _put_back(self) -> None:
        """What an earlier attempt had placed: the ledger may name it, and nobody else has its bytes."""
        for item in self._journal.objects("kind='index' AND verified IS NOT NULL"):
            if exists(self._repository.store, item.name):
                continue
            self._run.sender.place_object(item, again=True)
            events.emit("index-put-back", outcome="failure", object=item.name)
            said = "was gone from the store after it had been proven there; it was put back"
            self._run.findings.append(Finding(ObjectMissingError.code, item.name, said))

    def _kept(self) -> Iterator[JournalObject]:
        return self._journal.objects("kind='index' AND generation=?", (self._journal.generation,))

    def _rows(self) -> Iterator[PackRow]:
        for pack in self._journal.unindexed_packs():
            yield index_row(self._repository, pack, self._journal.sealed_table(pack.number))

    def _seal(self, content: Index) -> tuple[str, bytes]:
        """An index object under the next number: its name and bytes."""
        keys, writer, number = self._repository.keys.current, self._run.writer, self._next_number()
        body = index.seal_index(keys.index, self._repository.id, writer, keys.epoch, number, content)
        return names.index(writer, number), body

    def _next_number(self) -> int:
        """A number no index object of this writer has, allocated durably.

        The store is asked too: in a state directory that was put back, the file is older than the store's content.

        Raises:
            StateError: the file that keeps it is malformed.
            StoreError, TransportError: of the kind met.
        """
        file = self._run.state.index_number_file
        number = _kept_number(file)
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


def _kept_number(file: Path) -> int:
    with telling():
        text = file.read_bytes() if file.exists() else b"0"
    if _NUMBER.fullmatch(text) is None:
        raise malformed(file)
    return int(text)


def _groups(rows: Iterable[PackRow]) -> Iterator[list[PackRow]]:
    group: list[PackRow] = []
    size = 0
    for row in rows:
        if group and size + len(row.table) > index.MAX_TABLES:
            yield group
            group, size = [], 0
        group.append(row)
        size += len(row.table)
    if group:
        yield group
