"""The journal's database: SQLite with full synchronisation, one connection behind one lock.

What goes into a commit carries a check: a wrapped key, roots or a header that rotted here would make it unreadable.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path
from typing import Any

from proofkeep.format.header import ObjectType
from proofkeep.format.names import PackId
from proofkeep.journal.noted import Noted
from proofkeep.journal.rows import (
    JournalObject,
    JournalPack,
    Sent,
    Transfer,
    TransferCounts,
    Verified,
    guarded,
    unguarded,
)
from proofkeep.journal.schema import PACK_COLUMNS, SCHEMA
from proofkeep.state_database import StateDatabase, row_check

JOURNAL = "journal.sqlite"
"""Its name in the folder of a run."""

_PAGE = 256
_RENAMED = ">"  # no object's name begins with it
FIRST_TRANSFER = 256 << 20
_TRANSFERS_PER_SIZE = 16
MOST_PACKS = 1 << 12  # of a transfer: all of them are in memory, and in one ledger entry of about 2 MiB


class Journal:
    """One run's journal. Every method that changes something is durable when it returns.

    Attributes:
        noted: what the walk noted for the catalog.
    """

    def __init__(self, file: Path, *, briefly: bool = False) -> None:
        """`briefly` as `StateDatabase` has it."""
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.noted = Noted(file.parent)
        self._database = StateDatabase(file, "run's journal", "PRAGMA synchronous=FULL;" + SCHEMA, briefly=briefly)
        self._rows = self._database.rows
        self._change = self._database.change

    def close(self) -> None:
        """Close the database and the notes."""
        self.noted.close()
        self._database.close()

    def transaction(self) -> AbstractContextManager[None]:
        """All or nothing; nests."""
        return self._database.transaction()

    # --- facts

    def fact(self, name: str) -> Any:  # any JSON value
        """A value set by `set_fact`, or None."""
        rows = self._rows("SELECT value FROM facts WHERE name=?", (name,))
        return json.loads(self._unguarded(rows[0][0])) if rows else None

    def set_fact(self, name: str, value: object) -> None:
        """Keep a JSON value; None removes it."""
        if value is None:
            self._change("DELETE FROM facts WHERE name=?", (name,))
        else:
            self._change("INSERT OR REPLACE INTO facts VALUES (?,?)", (name, guarded(value)))

    @property
    def generation(self) -> int:
        """Which snapshot of this run is being made; 1 at first."""
        return int(self.fact("generation") or 1)

    @property
    def end(self) -> dict[str, Any] | None:
        """Totals and roots of a stream that ended as it must; None while there is something to seal."""
        value: dict[str, Any] | None = self.fact("end")
        return value

    @property
    def missing(self) -> dict[str, int]:
        """Packs whose loss keeps a source from its commit that had been read to its end, by what became of them."""
        return {} if self.end else self.fact("missing") or {}

    def reopen_without(self, packs: Iterable[PackId], why: str) -> None:
        """Begin a new generation: read again, seal what is missing or was in these packs, commit another record.

        `why` is what became of them, as `missing` tells it.

        One step: with the packs forgotten and the end of the stream still there, a commit would leave them out. Kept
        entries that did not arrive go too: the next generation's may have to take their places in the chain.
        """
        with self.transaction():
            gone = [(pack.writer, pack.data_key, pack.counter) for pack in packs]
            missing = self.missing
            if gone and (missing or (self.end and not self.fact("committed"))):
                missing[why] = missing.get(why, 0) + len(gone)
            self.set_fact("missing", missing or None)
            self._database.change_many("DELETE FROM packs WHERE writer=? AND data_key=? AND counter=?", gone)
            self._database.change("DELETE FROM objects WHERE kind IN ('index', 'ledger') AND verified IS NULL")
            self.set_fact("generation", self.generation + 1)
            self.set_fact("end", None)
            self.set_fact("committed", None)
            self.noted.clear()

    # --- packs and transfers

    def add_pack(
        self, pack: PackId, kind: ObjectType, size: int, digest: bytes, header: bytes, sealed_table: bytes, quarter: int
    ) -> Transfer | None:
        """Journal a pack that lies fsynced in the spool; the transfer it closed, if it closed one.

        `quarter` is a quarter of the spool: no transfer grows beyond it.
        """
        with self.transaction():
            number = self._open_transfer()
            facts = (pack.writer, pack.data_key, pack.counter, int(kind), size, digest, header)
            self._database.change(
                "INSERT INTO packs (writer, data_key, counter, type, size, sha256, header, sealed_table, transfer, "
                "proof) VALUES (?,?,?,?,?,?,?,?,?,?)",
                (*facts, sealed_table, number, row_check(*facts)),
            )
            packs, total = self._rows("SELECT count(*), sum(size) FROM packs WHERE transfer=?", (number,))[0]
            if packs >= MOST_PACKS or total >= min(FIRST_TRANSFER << number // _TRANSFERS_PER_SIZE, quarter):
                return self.close_transfer()
        return None

    def _open_transfer(self) -> int:
        number: int = self._rows("SELECT coalesce(max(number) + 1, 0) FROM transfers")[0][0]
        return number

    def close_transfer(self) -> Transfer | None:
        """Close the open transfer; None when it holds nothing."""
        with self.transaction():
            number = self._open_transfer()
            packs = self.transfer_packs(number)
            if not packs:
                return None
            digest = sha256(b"".join(pack.id.name.encode() + pack.sha256 for pack in packs)).hexdigest()
            self._database.change("INSERT INTO transfers VALUES (?,?)", (number, digest))
            return Transfer(number, digest, len(packs), sum(pack.size for pack in packs))

    def transfers(self) -> list[Transfer]:
        """All closed transfers that still hold packs, in order."""
        rows = self._rows(
            "SELECT t.number, t.digest, count(*), sum(p.size) FROM transfers t JOIN packs p ON p.transfer = t.number "
            "GROUP BY t.number ORDER BY t.number"
        )
        return [Transfer(*row) for row in rows]

    def transfer_packs(self, number: int) -> list[JournalPack]:
        """Packs of one transfer, in order."""
        return self._packs("WHERE transfer=? ORDER BY number", (number,))

    def packs(self) -> Iterator[JournalPack]:
        """All packs of the run, in the order of their names; few of them in memory."""
        return self._paged("writer, data_key, counter", (b"", b"", -1))

    def sealed_packs(self) -> Iterator[JournalPack]:
        """All packs of the run, in the order in which they were sealed; few of them in memory."""
        return self._paged("number", (-1,))

    def unindexed_packs(self) -> Iterator[JournalPack]:
        """Packs that index and ledger do not name yet, by transfer and data key, else in order; few in memory."""
        return self._paged("transfer, data_key, number", (-1, b"", -1), "AND indexed=0")

    def size(self) -> tuple[int, int]:
        """How many packs the run has, and their bytes."""
        packs, size = self._rows("SELECT count(*), coalesce(sum(size), 0) FROM packs")[0]
        return packs, size

    def sealed_table(self, number: int) -> bytes:
        """A pack's frame table, sealed under the index key; one at a time, since all of them may be large."""
        table: bytes = self._rows("SELECT sealed_table FROM packs WHERE number=?", (number,))[0][0]
        return table

    def _paged(self, order: str, after: tuple[Any, ...], more: str = "") -> Iterator[JournalPack]:
        """Packs behind `after` by columns that tell them apart."""
        where = f"WHERE ({order}) > ({','.join('?' * len(after))}) {more} ORDER BY {order} LIMIT {_PAGE}"
        query = f"SELECT {order}, {PACK_COLUMNS} FROM packs {where}"  # noqa: S608 - ours
        while rows := self._rows(query, after):
            for row in rows:
                yield self._pack(row[len(after) :])
            after = rows[-1][: len(after)]

    def _packs(self, where: str, values: Sequence[Any] = ()) -> list[JournalPack]:
        return [self._pack(row) for row in self._rows(f"SELECT {PACK_COLUMNS} FROM packs {where}", values)]  # noqa: S608 - ours

    def counts(self) -> list[TransferCounts]:
        """How far each transfer came, in order, the one still open included; reads no frame table."""
        rows = self._rows(
            "SELECT transfer, count(*), sum(size), sum(verified IS NULL), "
            "sum(CASE WHEN verified IS NULL THEN size ELSE 0 END), sum(verified IS NULL AND sent IS NOT NULL), "
            "sum(failures) FROM packs "
            "GROUP BY transfer ORDER BY transfer"
        )
        return [TransferCounts(*row) for row in rows]

    def set_pack_sent(self, number: int, sent: Sent) -> None:
        """The store took it."""
        self._change("UPDATE packs SET sent=? WHERE number=?", (guarded(sent.to_json()), number))

    def add_pack_failure(self, number: int) -> None:
        """An attempt to send it failed."""
        self._change("UPDATE packs SET failures=failures+1 WHERE number=?", (number,))

    def set_pack_verified(self, number: int, verified: Verified) -> None:
        """The store was shown to hold it."""
        self._change("UPDATE packs SET verified=? WHERE number=?", (guarded(asdict(verified)), number))

    def set_packs_indexed(self) -> None:
        """Index objects and ledger entries now name all packs."""
        self._change("UPDATE packs SET indexed=1")

    # --- small objects

    def keep_object(self, name: str, kind: str, generation: int, body: bytes) -> JournalObject:
        """Keep exact bytes before they are first sent; a retry gets the bytes kept earlier."""
        self._change(
            "INSERT OR IGNORE INTO objects (name, kind, generation, body, proof) VALUES (?,?,?,?,?)",
            (name, kind, generation, body, row_check(body)),
        )
        return next(self.objects("name=?", (name,)))

    def replace_objects(self, rows: Iterable[tuple[str, str, bytes]]) -> None:
        """(name, new name, new body) of objects that no store accepted; a new name may be another one's old name."""
        with self.transaction():
            for name, new_name, body in rows:
                values = (f"{_RENAMED}{new_name}", body, row_check(body), name)
                self._database.change("UPDATE objects SET name=?, body=?, proof=? WHERE name=?", values)
            self._database.change("UPDATE objects SET name=substr(name, 2) WHERE name LIKE ?", (f"{_RENAMED}%",))

    def objects(self, where: str = "1=1", values: Sequence[Any] = ()) -> Iterator[JournalObject]:
        """Objects in the order they were kept, one in memory; `where` is a condition of ours, never input."""
        query = (
            "SELECT place, name, kind, generation, body, sent, verified, proof FROM objects "  # noqa: S608
            f"WHERE ({where}) AND place>? ORDER BY place LIMIT 1"
        )
        place = -1
        while rows := self._rows(query, (*values, place)):
            place, name, kind, generation, body, sent, verified, proof = rows[0]
            if row_check(body) != proof:
                raise self._database.damage()
            yield JournalObject(name, kind, generation, body, self._sent(sent), self._verified(verified))

    def set_object_sent(self, name: str, sent: Sent, verified: Verified) -> None:
        """It lies in its store, proven."""
        self._change(
            "UPDATE objects SET sent=?, verified=? WHERE name=?",
            (guarded(sent.to_json()), guarded(asdict(verified)), name),
        )

    # --- rows as they were written

    def _unguarded(self, text: Any) -> str:
        """What `guarded` made. Raises `StateDamagedError`."""
        if not isinstance(text, str) or (found := unguarded(text)) is None:
            raise self._database.damage()
        return found

    def _sent(self, text: str | None) -> Sent | None:
        return None if text is None else Sent.from_json(json.loads(self._unguarded(text)))

    def _verified(self, text: str | None) -> Verified | None:
        return None if text is None else Verified(**json.loads(self._unguarded(text)))

    def _pack(self, row: tuple[Any, ...]) -> JournalPack:
        number, *facts, transfer, failures, sent, verified, indexed, proof = row
        if row_check(*facts) != proof:
            raise self._database.damage()
        writer, data_key, counter, kind, size, digest, header = facts
        return JournalPack(
            number,
            PackId(writer, data_key, counter),
            ObjectType(kind),
            size,
            digest,
            header,
            transfer,
            failures,
            self._sent(sent),
            self._verified(verified),
            bool(indexed),
        )
