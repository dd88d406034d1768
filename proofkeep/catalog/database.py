"""The catalog's database: SQLite, one connection behind one lock, every change one transaction."""

import sqlite3
import threading
from array import array
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from proofkeep import events
from proofkeep.format.index import PackRow
from proofkeep.format.names import PackId
from proofkeep.ledger import START, Head, Heads

SCHEMA = """
CREATE TABLE IF NOT EXISTS packs (
    no INTEGER PRIMARY KEY AUTOINCREMENT, writer BLOB, data_key BLOB, counter INTEGER,
    size INTEGER, header BLOB, retain_until INTEGER, retired INTEGER DEFAULT 0, sealed_table BLOB,
    UNIQUE (writer, data_key, counter));
CREATE TABLE IF NOT EXISTS vouched (
    writer BLOB, data_key BLOB, counter INTEGER, version_id TEXT,
    PRIMARY KEY (writer, data_key, counter)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS chunks (id BLOB PRIMARY KEY, pack INTEGER) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS files (
    entry BLOB, path_id BLOB, fingerprint BLOB, chunks BLOB, extents BLOB, packs BLOB,
    PRIMARY KEY (entry, path_id)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS heads (writer BLOB PRIMARY KEY, sequence INTEGER, sha256 BLOB) WITHOUT ROWID;
"""
VERSION = 1
_BATCH = 500


@dataclass(frozen=True, slots=True)
class FileState:
    """What a file was when it was last stored.

    Attributes:
        fingerprint: 16 keyed bytes over its stat fields.
        extents: flat array of offsets and lengths, empty without holes.
        packs: numbers of the packs its chunks lie in.
    """

    fingerprint: bytes
    chunks: bytes
    extents: tuple[int, ...]
    packs: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class KnownPack:
    """One stored pack: `sealed_table` opens under the index key, `version_id` is the one the ledger names."""

    number: int
    id: PackId
    size: int
    header: bytes
    sealed_table: bytes
    version_id: str | None


class Catalog:
    """Known chunks, file states and ledger heads of one repository on this host."""

    def __init__(self, file: Path) -> None:
        self._lock = threading.RLock()
        self._file = file
        try:
            self._database = self._open()
        except sqlite3.DatabaseError:
            events.emit("catalog-damaged", outcome="failure")
            for part in file.parent.glob(f"{file.name}*"):
                part.unlink()
            self._database = self._open()

    def _open(self) -> sqlite3.Connection:
        database = sqlite3.connect(self._file, check_same_thread=False, isolation_level=None, timeout=60)
        try:
            database.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA cache_size=-32768;")
            _require_version(database)
            database.executescript(SCHEMA + f"PRAGMA user_version={VERSION};")
        except sqlite3.DatabaseError:
            database.close()
            raise
        self._file.chmod(0o600)
        return database

    def close(self) -> None:
        """Close the database."""
        with self._lock:
            self._database.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing; nests."""
        with self._lock:
            if self._database.in_transaction:
                yield
                return
            self._database.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._database.execute("ROLLBACK")
                raise
            self._database.execute("COMMIT")

    def _rows(self, query: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        with self._lock, closing(self._database.execute(query, values)) as cursor:
            return cursor.fetchall()

    # --- packs and chunks

    def add_pack(self, row: PackRow, chunk_ids: Iterable[bytes], sealed_table: bytes) -> int:
        """Learn a pack and its chunks; the pack's number. A chunk known already stays where it was known."""
        with self.transaction():
            self._database.execute(
                "INSERT INTO packs (writer, data_key, counter, size, header, retain_until, sealed_table) "
                "VALUES (?,?,?,?,?,?,?) ON CONFLICT DO UPDATE SET "
                "retain_until=coalesce(max(retain_until, excluded.retain_until), excluded.retain_until, retain_until)",
                (row.writer, row.data_key, row.counter, row.size, row.header, row.retain_until, sealed_table),
            )
            number: int = self._rows(
                "SELECT no FROM packs WHERE writer=? AND data_key=? AND counter=?",
                (row.writer, row.data_key, row.counter),
            )[0][0]
            self._database.executemany(
                "INSERT OR IGNORE INTO chunks VALUES (?,?)", ((identity, number) for identity in chunk_ids)
            )
            return number

    def set_version(self, pack: PackId, version_id: str | None) -> None:
        """Which version of the object the ledger vouches for."""
        with self.transaction():
            values = (pack.writer, pack.data_key, pack.counter, version_id)
            self._database.execute("INSERT OR REPLACE INTO vouched VALUES (?,?,?,?)", values)

    def chunk_packs(self, ids: Sequence[bytes]) -> dict[bytes, int]:
        """Pack numbers of those ids that are known."""
        found: dict[bytes, int] = {}
        for start in range(0, len(ids), _BATCH):
            batch = ids[start : start + _BATCH]
            marks = ",".join("?" * len(batch))
            found.update(self._rows(f"SELECT id, pack FROM chunks WHERE id IN ({marks})", batch))  # noqa: S608 - marks only
        return found

    def pack(self, number: int) -> KnownPack:
        """One pack by number."""
        no, writer, data_key, counter, *rest = self._rows(
            "SELECT no, writer, data_key, counter, size, header, sealed_table, version_id "
            "FROM packs LEFT JOIN vouched USING (writer, data_key, counter) WHERE no=?",
            (number,),
        )[0]
        return KnownPack(no, PackId(writer, data_key, counter), *rest)

    def find_pack(self, pack: PackId) -> int | None:
        """A pack's number, or None."""
        values = (pack.writer, pack.data_key, pack.counter)
        rows = self._rows("SELECT no FROM packs WHERE writer=? AND data_key=? AND counter=?", values)
        return rows[0][0] if rows else None

    def pack_sizes(self) -> Iterator[tuple[int, PackId, int]]:
        """(number, pack, size) of all packs in the order of their names, in bounded memory."""
        after: tuple[bytes, bytes, int] = (b"", b"", -1)
        while True:
            rows = self._rows(
                "SELECT no, writer, data_key, counter, size FROM packs WHERE (writer, data_key, counter) > (?,?,?) "
                "ORDER BY writer, data_key, counter LIMIT 5000",
                after,
            )
            if not rows:
                return
            for number, writer, data_key, counter, size in rows:
                yield number, PackId(writer, data_key, counter), size
            after = rows[-1][1:4]

    def usable_packs(self, expires_ns: int | None) -> bytearray:
        """One byte a pack number: 1 where new snapshots may refer to it (neither retired nor locked too briefly)."""
        highest = self._rows("SELECT coalesce(max(no), 0) FROM packs")[0][0]
        usable = bytearray(highest + 1)
        rows = self._rows(
            "SELECT no FROM packs WHERE retired=0 AND (retain_until IS NULL OR ? IS NULL OR retain_until >= ?)",
            (expires_ns, expires_ns),
        )
        for (number,) in rows:
            usable[number] = 1
        return usable

    def drop_packs(self, packs: Iterable[PackId]) -> None:
        """Forget packs that are gone, and their chunks."""
        with self.transaction():
            for pack in packs:
                number = self.find_pack(pack)
                self._database.execute("DELETE FROM chunks WHERE pack=?", (number,))
                self._database.execute("DELETE FROM packs WHERE no=?", (number,))

    def set_retired(self, packs: Iterable[PackId]) -> None:
        """Mark exactly these packs retired."""
        with self.transaction():
            self._database.execute("UPDATE packs SET retired=0 WHERE retired=1")
            for pack in packs:
                self._database.execute("UPDATE packs SET retired=1 WHERE no=?", (self.find_pack(pack),))

    def set_locked(self, packs: Iterable[PackId], until_ns: int) -> None:
        """Packs whose lock was extended."""
        with self.transaction():
            for pack in packs:
                self._database.execute(
                    "UPDATE packs SET retain_until=max(coalesce(retain_until, 0), ?) WHERE no=?",
                    (until_ns, self.find_pack(pack)),
                )

    # --- files

    def file_states(self, entry: bytes, path_ids: Sequence[bytes]) -> dict[bytes, FileState]:
        """States of those files of an entry that are remembered, by path id."""
        found: dict[bytes, FileState] = {}
        for start in range(0, len(path_ids), _BATCH):
            batch = path_ids[start : start + _BATCH]
            marks = ",".join("?" * len(batch))
            query = (
                "SELECT path_id, fingerprint, chunks, extents, packs FROM files "  # noqa: S608 - marks only
                f"WHERE entry=? AND path_id IN ({marks})"
            )
            for path_id, fingerprint, chunks, extents, packs in self._rows(query, (entry, *batch)):
                found[path_id] = FileState(fingerprint, chunks, tuple(array("Q", extents)), tuple(array("I", packs)))
        return found

    def set_file_states(self, entry: bytes, states: Iterable[tuple[bytes, FileState]]) -> None:
        """Remember what files are like now."""
        with self.transaction():
            self._database.executemany(
                "INSERT OR REPLACE INTO files VALUES (?,?,?,?,?,?)",
                (
                    (
                        entry,
                        path_id,
                        state.fingerprint,
                        state.chunks,
                        array("Q", state.extents).tobytes(),
                        array("I", state.packs).tobytes(),
                    )
                    for path_id, state in states
                ),
            )

    # --- heads

    def heads(self) -> Heads:
        """Ledger heads up to which this catalog has learned."""
        rows = self._rows("SELECT writer, sequence, sha256 FROM heads")
        return {writer: Head(sequence, digest) for writer, sequence, digest in rows}

    def head(self, writer: bytes) -> Head:
        """One writer's head."""
        return self.heads().get(writer, START)

    def set_head(self, writer: bytes, head: Head) -> None:
        """What was learned up to now."""
        with self.transaction():
            self._database.execute("INSERT OR REPLACE INTO heads VALUES (?,?,?)", (writer, head.sequence, head.sha256))


def _require_version(database: sqlite3.Connection) -> None:
    if database.execute("PRAGMA user_version").fetchone()[0] not in {0, VERSION}:
        raise sqlite3.DatabaseError("another version")
