"""The catalog's database: SQLite, one connection behind one lock, every change one transaction.

Rows that a snapshot will lean on carry a check (`row_check`): one that rotted is not remembered, and learned again.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from proofkeep import events
from proofkeep.catalog.rows import KnownPack
from proofkeep.catalog.usable import PACK, Usable
from proofkeep.errors import PackMissingError, StateDamagedError
from proofkeep.format.index import PackRow
from proofkeep.format.names import PackId
from proofkeep.ledger import START, Head, Heads
from proofkeep.state_database import StateDatabase, blob, row_check

_SETUP = """
PRAGMA synchronous=NORMAL; PRAGMA cache_size=-32768;
CREATE TABLE IF NOT EXISTS packs (
    no INTEGER PRIMARY KEY AUTOINCREMENT, writer BLOB, data_key BLOB, counter INTEGER,
    size INTEGER, header BLOB, retain_until INTEGER, retired INTEGER DEFAULT 0, sealed_table BLOB, indexed INTEGER,
    proof INTEGER,
    UNIQUE (writer, data_key, counter));
CREATE TABLE IF NOT EXISTS vouched (
    writer BLOB, data_key BLOB, counter INTEGER, version_id TEXT, sequence INTEGER, proof INTEGER,
    PRIMARY KEY (writer, data_key, counter)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS chunks (id BLOB, pack INTEGER, proof INTEGER, PRIMARY KEY (id, pack)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS files (
    entry BLOB, path_id BLOB, fingerprint BLOB, chunks BLOB, extents BLOB, packs BLOB, proof INTEGER,
    PRIMARY KEY (entry, path_id)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS segments (
    entry BLOB, start BLOB, mark BLOB, sealed BLOB, packs BLOB, proof INTEGER,
    PRIMARY KEY (entry, start)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS totals (entry BLOB PRIMARY KEY, files INTEGER, bytes INTEGER) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS heads (
    writer BLOB PRIMARY KEY, sequence INTEGER, sha256 BLOB, proof INTEGER) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS unlearned (
    writer BLOB, name TEXT, sha256 BLOB, version_id TEXT, PRIMARY KEY (writer, name)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS faults (writer BLOB PRIMARY KEY, proven INTEGER) WITHOUT ROWID;
"""
VERSION = 3
_BATCH = 500
_PAGE = 5000
_TABLES = ("packs", "vouched", "chunks", "files", "segments", "totals", "heads", "unlearned", "faults")


class Catalog(Usable):
    """Known chunks, file states and ledger heads of one repository on this host."""

    def __init__(self, file: Path) -> None:
        self._file = file
        try:
            self._database = self._open()
        except StateDamagedError:
            self._remove()
            self._database = self._open()
        self._rows = self._database.rows

    def _open(self) -> StateDatabase:
        database = StateDatabase(self._file, "catalog", _SETUP)
        version = database.rows("PRAGMA user_version")[0][0]
        if version not in {0, VERSION}:
            database.close()
            raise StateDamagedError("catalog has another version")
        if version == 0:
            database.change(f"PRAGMA user_version={VERSION}")
        return database

    def _remove(self) -> None:
        """Forget everything: whoever opens it next learns it again from ledger and index."""
        events.emit("catalog-damaged", outcome="failure")
        for part in self._file.parent.glob(f"{self._file.name}*"):
            part.unlink(missing_ok=True)

    def keep_little(self) -> None:
        """From now on it is read, mostly where it was read last, and hardly written: 4 MiB in memory are enough."""
        self._rows("PRAGMA cache_size=-4096")

    def belong_to(self, repository: bytes) -> None:
        """Forget everything if it is another repository's."""
        mark = int.from_bytes(repository[:4], "big") >> 1 or 1
        found = self._rows("PRAGMA application_id")[0][0]
        if found == mark:
            return
        with self.transaction():
            if found:
                events.emit("catalog-foreign", outcome="failure")
            for table in _TABLES if found else ():
                self._database.change(f"DELETE FROM {table}")  # noqa: S608 - ours
            self._database.change(f"PRAGMA application_id={mark}")

    def close(self) -> None:
        """Close the database; remove it if it was found damaged."""
        self._database.close()
        if self._database.damaged:
            self._remove()

    def require_sound(self) -> None:
        """Have SQLite look at everything: for when answers contradict each other. Raises `StateDamagedError`."""
        if self._rows("PRAGMA integrity_check(1)") != [("ok",)]:
            raise self._database.damage()

    def transaction(self) -> AbstractContextManager[None]:
        """All or nothing; nests."""
        return self._database.transaction()

    # --- packs and chunks

    def add_pack(self, row: PackRow, chunk_ids: Iterable[bytes], sealed_table: bytes, *, indexed: bool = True) -> int:
        """Learn a pack and its chunks; the pack's number.

        A chunk may lie in several packs, and each is remembered: one of them may be gone, damaged or a lie. A pack
        that no index names serves whoever reads; others could not find what a new snapshot left there.
        """
        with self.transaction():
            self._database.change(
                "INSERT INTO packs (writer, data_key, counter, size, header, retain_until, sealed_table, indexed) "
                "VALUES (?,?,?,?,?,?,?,?) ON CONFLICT DO UPDATE SET indexed=max(indexed, excluded.indexed), "
                "retain_until=coalesce(max(retain_until, excluded.retain_until), excluded.retain_until, retain_until)",
                (row.writer, row.data_key, row.counter, row.size, row.header, row.retain_until, sealed_table, indexed),
            )
            number: int = self._rows(
                "SELECT no FROM packs WHERE writer=? AND data_key=? AND counter=?",
                (row.writer, row.data_key, row.counter),
            )[0][0]
            proof = row_check(number, row.writer, row.data_key, row.counter, row.size, row.header)
            self._database.change("UPDATE packs SET proof=? WHERE no=?", (proof, number))
            self._database.change_many(
                "INSERT OR IGNORE INTO chunks VALUES (?,?,?)",
                ((blob(identity), number, row_check(identity, number)) for identity in chunk_ids),
            )
            return number

    def set_version(self, pack: PackId, version_id: str | None, sequence: int) -> None:
        """Which version of the object the ledger vouches for, and in which entry."""
        with self.transaction():
            known = self._rows(
                "SELECT sequence FROM vouched WHERE writer=? AND data_key=? AND counter=?",
                (pack.writer, pack.data_key, pack.counter),
            )
            values = (pack.writer, pack.data_key, pack.counter, version_id, min([sequence, *(row[0] for row in known)]))
            self._database.change("INSERT OR REPLACE INTO vouched VALUES (?,?,?,?,?,?)", (*values, row_check(*values)))

    def chunk_packs(self, ids: Sequence[bytes]) -> dict[bytes, list[int]]:
        """Numbers of all packs that hold them, ascending, of those ids that are known."""
        found: dict[bytes, list[int]] = {}
        for start in range(0, len(ids), _BATCH):
            batch = ids[start : start + _BATCH]
            marks = ",".join("?" * len(batch))
            query = f"SELECT id, pack, proof FROM chunks WHERE id IN ({marks}) ORDER BY id, pack"  # noqa: S608 - marks only
            for identity, number, proof in self._rows(query, batch):
                if self._holds("chunk", proof, identity, number):
                    found.setdefault(identity, []).append(number)
        return found

    def pack(self, number: int) -> KnownPack:
        """One pack by number.

        Raises:
            PackMissingError: another run of this host dropped it.
            StateDamagedError: its row is not what was written.
        """
        rows = self._rows(f"SELECT {PACK}, sealed_table FROM packs WHERE no=?", (number,))  # noqa: S608 - ours
        if not rows:
            raise PackMissingError("a pack was dropped by another run of this host")
        *values, proof, table = rows[0]
        if not self._holds("pack", proof, *values):
            raise self._database.damage()
        no, writer, data_key, counter, size, header = values
        pack = PackId(writer, data_key, counter)
        return KnownPack(no, pack, size, header, table, self._version(pack))

    def _version(self, pack: PackId) -> str | None:
        values = (pack.writer, pack.data_key, pack.counter)
        query = "SELECT version_id, sequence, proof FROM vouched WHERE writer=? AND data_key=? AND counter=?"
        version: str | None
        for version, sequence, proof in self._rows(query, values):
            if not self._holds("vouched pack", proof, *values, version, sequence):
                raise self._database.damage()
            return version
        return None

    def pack_sizes(self) -> Iterator[tuple[int, PackId, int]]:
        """(number, pack, size) of all packs in the order of their names, in bounded memory."""
        after: tuple[bytes, bytes, int] = (b"", b"", -1)
        while True:
            rows = self._rows(
                "SELECT no, writer, data_key, counter, size FROM packs WHERE (writer, data_key, counter) > (?,?,?) "
                "ORDER BY writer, data_key, counter LIMIT ?",
                (*after, _PAGE),
            )
            if not rows:
                return
            for number, writer, data_key, counter, size in rows:
                yield number, PackId(writer, data_key, counter), size
            after = rows[-1][1:4]

    def drop_packs(self, packs: Iterable[PackId]) -> None:
        """Forget packs that are gone, and their chunks."""
        with self.transaction():
            numbers = [number for pack in packs if (number := self.find_pack(pack)) is not None]
            listed = (json.dumps(numbers),)
            if numbers:  # chunks are kept by id, so that this reads all of them: once, however many packs are gone
                self._database.change("DELETE FROM chunks WHERE pack IN (SELECT value FROM json_each(?))", listed)
                self._database.change("DELETE FROM packs WHERE no IN (SELECT value FROM json_each(?))", listed)

    def unlearned(self) -> list[tuple[bytes, str, bytes, str | None]]:
        """(writer, name, SHA-256, version) of index objects that the ledger names and that could not be learned."""
        return [(*row,) for row in self._rows("SELECT writer, name, sha256, version_id FROM unlearned")]

    def set_unlearned(self, writer: bytes, name: str, sha256: bytes, version_id: str | None) -> None:
        """Try this index object again next time."""
        values = (writer, name, sha256, version_id)
        self._database.change("INSERT OR REPLACE INTO unlearned VALUES (?,?,?,?)", values)

    def set_learned(self, writer: bytes, name: str) -> None:
        """This index object could be learned after all."""
        self._database.change("DELETE FROM unlearned WHERE writer=? AND name=?", (writer, name))

    # --- heads

    def faults(self) -> dict[bytes, int]:
        """Writers whose chains did not hold when they were last read, each with the last sequence that did."""
        return dict(self._rows("SELECT writer, proven FROM faults"))

    def set_faults(self, proven: Mapping[bytes, int]) -> None:
        """Note that exactly these chains do not hold, and how far they do."""
        with self.transaction():
            self._database.change("DELETE FROM faults")
            self._database.change_many("INSERT INTO faults VALUES (?,?)", proven.items())

    def heads(self) -> Heads:
        """Ledger heads up to which this catalog has learned."""
        rows = self._rows("SELECT writer, sequence, sha256, proof FROM heads")
        return {
            writer: Head(sequence, digest)
            for writer, sequence, digest, proof in rows
            if self._holds("head", proof, writer, sequence, digest)
        }

    def head(self, writer: bytes) -> Head:
        """One writer's head."""
        return self.heads().get(writer, START)

    def set_head(self, writer: bytes, head: Head) -> None:
        """What was learned up to now."""
        with self.transaction():
            values = (writer, head.sequence, head.sha256)
            self._database.change("INSERT OR REPLACE INTO heads VALUES (?,?,?,?)", (*values, row_check(*values)))
