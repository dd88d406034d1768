"""A SQLite file of the state directory: one connection behind one lock, every change a transaction, our own errors."""

import sqlite3
import threading
import time
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import msgspec

from proofkeep.errors import JournalBusyError, ProofkeepError, StateDamagedError, StateError, StateFullError

# Our statements are right: where SQLite cannot make sense of one, the schema that it reads is not ours any more.
_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR, sqlite3.SQLITE_MISMATCH}
_NO_TEXT = "Could not decode"
_BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
_PRIMARY = 0xFF
_SORTING_KIB = 8192
_TEMPORARY = "temporary files"
_BUSY_SECONDS = 60
_AGAIN_SECONDS = 0.01

_encode = msgspec.msgpack.Encoder().encode


blob = bytearray
"""What to bind where there are many rows: for `bytes`, `sqlite3` looks each time for whoever wants to adapt them."""


def row_check(*values: object) -> int:
    """CRC-32 over a row's columns: SQLite keeps no checksum, and gives a flipped bit back as if it had been written."""
    return zlib.crc32(_encode(values))


class StateDatabase:
    """One database, 0600, in write-ahead mode; safe to use from several threads.

    Every method raises:
        StateFullError: its disk is full, or that of temporary files.
        JournalBusyError: another process has held it for too long.
        StateDamagedError: its content is damaged, which `damaged` tells from then on.
        StateError: SQLite says anything else.
    """

    def __init__(self, file: Path | None, subject: str, setup: str, *, briefly: bool = False) -> None:
        """Open or make it and run `setup`; `subject` names it in errors. See also `temporary_database`.

        Args:
            briefly: for a look or a last word. It is then opened on a full disk too, where SQLite finds no room for
                what processes share of a database; until it is closed, no other process can open it there.
        """
        self.damaged = False
        self._subject = subject
        self._lock = threading.RLock()
        with self._told():
            try:
                self._connection = _connected(file, setup)
            except sqlite3.Error as error:
                if not (briefly and _is_full(error)):
                    raise
                self._connection = _connected(file, setup, "PRAGMA locking_mode=EXCLUSIVE;")
        if file is not None:
            file.chmod(0o600)

    def close(self) -> None:
        """Close it."""
        with self._lock:
            self._connection.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing; nests."""
        with self._lock, self._told():
            if self._connection.in_transaction:
                yield
                return
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:  # SQLite itself rolls back when the disk is full
                    self._connection.execute("ROLLBACK")
                raise

    def rows(self, query: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """All rows of a query."""
        with self._lock, self._told(), closing(self._connection.execute(query, values)) as cursor:
            return cursor.fetchall()

    def each(self, query: str, values: Sequence[Any] = ()) -> Iterator[tuple[Any, ...]]:
        """All rows of a query, one by one; meanwhile other threads may use it."""
        with self._told(), closing(self._connection.execute(query, values)) as cursor:
            yield from cursor

    def change(self, query: str, values: Sequence[Any] = ()) -> None:
        """Run one statement."""
        with self.transaction():
            self._connection.execute(query, values)

    def change_many(self, query: str, rows: Iterable[Sequence[Any]]) -> None:
        """Run one statement for each row, all or none."""
        with self.transaction():
            self._connection.executemany(query, rows)

    def hold(self, table: str, rows: Iterable[Sequence[Any]]) -> None:
        """Keep rows for a table in a private temporary one until `put_held`; a rollback forgets them."""
        with self.transaction(), self._told(_TEMPORARY):
            empty = f"SELECT * FROM {table} WHERE 0"  # noqa: S608 - ours
            self._connection.execute(f"CREATE TEMP TABLE IF NOT EXISTS held_{table} AS {empty}")
            marks = ",".join("?" * len(self.rows(f"PRAGMA table_info({table})")))
            self._connection.executemany(f"INSERT INTO held_{table} VALUES ({marks})", rows)  # noqa: S608 - ours

    def put_held(self, table: str, order: str) -> bool:
        """Put what is held into its table, in this order; False if nothing is.

        A table larger than the cache takes rows in the order of its key page by page; in any other order it reads and
        writes most of its pages anew for every batch.
        """
        if not self.rows("SELECT 1 FROM temp.sqlite_master WHERE name=?", (f"held_{table}",)):
            return False
        cache = self.rows("PRAGMA cache_size")[0][0]
        with self.transaction(), self._told(f"{self._subject} or of {_TEMPORARY}"):  # SQLite does not tell which
            self.change(f"PRAGMA cache_size=-{_SORTING_KIB}")  # it bounds what is sorted in memory, too
            try:
                query = f"INSERT OR REPLACE INTO {table} SELECT * FROM held_{table} ORDER BY {order}"  # noqa: S608 - ours
                self._connection.execute(query)
            finally:
                self.change(f"PRAGMA cache_size={cache}")
            self.change(f"DROP TABLE held_{table}")
        return True

    def damage(self) -> StateDamagedError:
        """The error for whoever found a row that is not what was written."""
        self.damaged = True
        return StateDamagedError(f"{self._subject} is damaged")

    @contextmanager
    def _told(self, place: str = "") -> Iterator[None]:
        """Our own errors; `place` is what a statement needs room in, where that is not the database alone."""
        try:
            yield
        except sqlite3.Error as error:
            raise self._translated(error, place or self._subject) from None

    def _translated(self, error: sqlite3.Error, place: str) -> ProofkeepError:
        code = _code(error) & _PRIMARY
        if _is_full(error):
            return StateFullError(f"disk of the {place} is full")
        if code in _BUSY:
            return JournalBusyError(f"another process holds the {self._subject}")
        if code in _DAMAGED or str(error).startswith(_NO_TEXT):
            return self.damage()
        name = getattr(error, "sqlite_errorname", type(error).__name__)
        return StateError(f"{place} cannot be used: {name}")


def temporary_database(setup: str) -> StateDatabase:
    """A private one in temporary files, which nobody else opens and which is gone when it is closed."""
    unsafe = "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF;"
    return StateDatabase(None, _TEMPORARY, f"{unsafe} {setup} BEGIN;")


def _connected(file: Path | None, setup: str, first: str = "") -> sqlite3.Connection:
    connection = sqlite3.connect(file or "", check_same_thread=False, isolation_level=None, timeout=_BUSY_SECONDS)
    try:
        _write_ahead(connection, first)
        connection.executescript(setup)
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _write_ahead(connection: sqlite3.Connection, first: str) -> None:
    """Switch to write-ahead mode; SQLite does not wait for who does the same at the same time, as it does elsewhere."""
    deadline = time.monotonic() + _BUSY_SECONDS
    while True:
        try:
            connection.executescript(f"{first} PRAGMA journal_mode=WAL;")
        except sqlite3.OperationalError as error:
            if _code(error) & _PRIMARY not in _BUSY or time.monotonic() > deadline:
                raise
            time.sleep(_AGAIN_SECONDS)
        else:
            return


def _code(error: sqlite3.Error) -> int:
    return int(getattr(error, "sqlite_errorcode", 0))


def _is_full(error: sqlite3.Error) -> bool:
    return _code(error) & _PRIMARY == sqlite3.SQLITE_FULL or _code(error) == sqlite3.SQLITE_IOERR_SHMSIZE
