"""What the ledger says must be there, in a private temporary database: bounded memory for millions of objects."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from proofkeep.errors import MalformedError
from proofkeep.format.ledger_entry import LedgerEntry, StoredObject
from proofkeep.format.names import PACKS, PackId, parse_pack
from proofkeep.ledger import Head
from proofkeep.state_database import temporary_database

_SCHEMA = """
PRAGMA cache_size=-16384;
CREATE TABLE objects (
    name TEXT PRIMARY KEY, type TEXT, length INTEGER, sha256 BLOB, version_id TEXT, damaged INTEGER DEFAULT 0
) WITHOUT ROWID;
CREATE TABLE entries (writer BLOB, sequence INTEGER, sha256 BLOB, PRIMARY KEY (writer, sequence)) WITHOUT ROWID;
"""


@dataclass(frozen=True, slots=True)
class ExpectedObject:
    """One object the ledger vouches for."""

    name: str
    type: str
    length: int
    sha256: bytes
    version_id: str | None


class Expected:
    """Objects and entries of all chains."""

    def __init__(self) -> None:
        self._database = temporary_database(_SCHEMA)

    def close(self) -> None:
        """Forget everything."""
        self._database.close()

    def add_entry(self, entry: LedgerEntry, head: Head) -> list[StoredObject]:
        """Note an entry and its objects; those that contradict what an earlier entry says of the same name."""
        self._database.change("INSERT INTO entries VALUES (?,?,?)", (entry.writer, head.sequence, head.sha256))
        contradicting = []
        for item in entry.objects:
            known = self.find(item.name)
            if known is None:
                self._database.change(
                    "INSERT INTO objects (name, type, length, sha256, version_id) VALUES (?,?,?,?,?)",
                    (item.name, item.type, item.length, item.sha256, item.version_id),
                )
            elif (known.length, known.sha256) != (item.length, item.sha256):
                contradicting.append(item)
        return contradicting

    def holds_entry(self, writer: bytes, sequence: int, sha256: bytes) -> bool:
        """Whether the chain was seen to hold this very entry."""
        query = "SELECT 1 FROM entries WHERE writer=? AND sequence=? AND sha256=?"
        return self._one(query, (writer, sequence, sha256)) is not None

    def find(self, name: str) -> ExpectedObject | None:
        """What the ledger says of a name."""
        row = self._one("SELECT name, type, length, sha256, version_id FROM objects WHERE name=?", (name,))
        return None if row is None else ExpectedObject(*row)

    def objects(self, prefix: str) -> Iterator[ExpectedObject]:
        """Objects under a prefix, in the order of names."""
        query = "SELECT name, type, length, sha256, version_id FROM objects WHERE name >= ? AND name < ? ORDER BY name"
        for row in self._database.each(query, (prefix, prefix + "~")):
            yield ExpectedObject(*row)

    def totals(self) -> dict[str, tuple[int, int]]:
        """Number and bytes of the objects of each type."""
        rows = self._database.rows("SELECT type, count(*), sum(length) FROM objects GROUP BY type")
        return {kind: (count, size) for kind, count, size in rows}

    def set_damaged(self, name: str) -> None:
        """It is missing or not what the ledger says."""
        self._database.change("UPDATE objects SET damaged=1 WHERE name=?", (name,))

    def sound_packs(self) -> Iterator[PackId]:
        """Packs that the ledger names and that nothing was found wrong with, in the order of names."""
        query = "SELECT name FROM objects WHERE name >= ? AND name < ? AND damaged=0 ORDER BY name"
        for (name,) in self._database.each(query, (PACKS, PACKS + "~")):
            with suppress(MalformedError):  # a ledger may name anything; no record refers to such a thing
                yield parse_pack(name)

    def holds_sound(self, place: str) -> bool:
        """Whether the ledger names anything in this folder that nothing was found wrong with."""
        query = "SELECT 1 FROM objects WHERE name >= ? AND name < ? AND damaged=0 LIMIT 1"
        return self._one(query, (place, place + "~")) is not None

    def _one(self, query: str, values: tuple[Any, ...]) -> tuple[Any, ...] | None:
        return next(iter(self._database.rows(query, values)), None)
