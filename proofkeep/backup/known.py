"""Which chunks need not be stored again, and which stored packs the snapshot therefore refers to."""

from collections.abc import Iterable, Iterator, Sequence

from proofkeep.catalog import Catalog
from proofkeep.errors import PackMissingError
from proofkeep.format.names import PackId
from proofkeep.format.pack_set import Row, encode_packs
from proofkeep.slabs import Piece
from proofkeep.state_database import blob, temporary_database

_BATCH = 500
_IN_MEMORY = 1 << 17  # ids, of about 110 bytes each


class Known:
    """The catalog's chunks and those of this run, sealed or on their way. Bounded memory, one thread.

    Chunks on their way live in memory as far as it goes, then in a private temporary database: a crash forgets them, as
    it forgets their slabs.
    """

    def __init__(self, catalog: Catalog, expires_ns: int | None, damaged: Iterable[PackId] = ()) -> None:
        """On `damaged` packs nothing new relies; who restores still finds them in the catalog."""
        self._catalog = catalog
        self._usable = catalog.usable_packs(expires_ns)
        for pack in damaged:
            if (number := catalog.find_pack(pack)) is not None:
                self._usable[number] = 0
        self._any_usable = any(self._usable)
        self._referred = bytearray(len(self._usable))
        self._newest: set[bytes] = set()
        self._spilled = False
        self._pending = temporary_database(
            "PRAGMA cache_size=-8192; CREATE TABLE pending (id BLOB PRIMARY KEY) WITHOUT ROWID;"
        )

    def close(self) -> None:
        """Forget what is on its way."""
        self._pending.close()

    def add_sealed(self, ids: Iterable[bytes]) -> None:
        """Chunks that an earlier attempt of this run sealed."""
        self._newest.update(ids)
        if len(self._newest) > _IN_MEMORY:
            self._spilled = True
            rows = ((blob(identity),) for identity in sorted(self._newest))
            self._pending.change_many("INSERT OR IGNORE INTO pending VALUES (?)", rows)
            self._newest.clear()

    def refer(self, packs: Sequence[int]) -> bool:
        """Refer to all these packs if each may be referred to; for files that did not change."""
        if not all(number < len(self._usable) and self._usable[number] for number in packs):
            return False
        for number in packs:
            self._referred[number] = 1
        return True

    def keep_new(self, pieces: list[Piece]) -> list[Piece]:
        """Those pieces whose chunk is stored nowhere yet, each chunk once; they count as known from now on."""
        ids = [piece.id for piece in pieces]
        stored = self._catalog.chunk_packs(ids) if self._any_usable else {}
        known = self._on_their_way(ids)
        new = []
        for piece in pieces:
            number = first_usable(stored[piece.id], self._usable) if piece.id in stored else None
            if number is not None:
                self._referred[number] = 1
            elif piece.id not in known:
                known.add(piece.id)
                new.append(piece)
        self.add_sealed(piece.id for piece in new)
        return new

    def _on_their_way(self, ids: list[bytes]) -> set[bytes]:
        found = self._newest.intersection(ids)
        if not self._spilled:
            return found
        for start in range(0, len(ids), _BATCH):
            batch = ids[start : start + _BATCH]
            query = f"SELECT id FROM pending WHERE id IN ({','.join('?' * len(batch))})"  # noqa: S608 - marks only
            found.update(row[0] for row in self._pending.rows(query, batch))
        return found

    def referred(self) -> list[Row]:
        """The stored packs that the snapshot refers to, as a pack set.

        Raises:
            PackMissingError: another run of this host dropped one meanwhile.
            StateDamagedError: none did; the catalog's tables do not agree.
        """
        found = 0

        def packs() -> Iterator[PackId]:
            nonlocal found
            for number, pack, _ in self._catalog.pack_sizes():
                if number < len(self._referred) and self._referred[number]:
                    found += 1
                    yield pack

        rows = encode_packs(packs())
        if found != sum(self._referred):
            self._catalog.require_sound()
            raise PackMissingError("a pack that this run refers to was dropped by another run of this host")
        return rows


def first_usable(numbers: Iterable[int], usable: bytearray) -> int | None:
    """The first pack that may be referred to; a number beyond is one that another run of this host just committed."""
    return next((number for number in numbers if number < len(usable) and usable[number]), None)
