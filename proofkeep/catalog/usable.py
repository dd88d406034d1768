"""Which of the known packs new snapshots may refer to."""

from collections.abc import Iterable, Iterator

from proofkeep.catalog.states import States
from proofkeep.format.names import PackId

PACK = "no, writer, data_key, counter, size, header, proof"
_PAGE = 5000


class Usable(States):
    """The catalog's part that says why a pack is there and yet not to be relied on."""

    def find_pack(self, pack: PackId) -> int | None:
        """A pack's number, or None."""
        values = (pack.writer, pack.data_key, pack.counter)
        rows = self._database.rows("SELECT no FROM packs WHERE writer=? AND data_key=? AND counter=?", values)
        return rows[0][0] if rows else None

    def packs_under(self, writer: bytes, data_key: bytes) -> Iterator[PackId]:
        """Known packs of one data key, ascending."""
        query = "SELECT counter FROM packs WHERE writer=? AND data_key=? ORDER BY counter"
        return (PackId(writer, data_key, counter) for (counter,) in self._database.rows(query, (writer, data_key)))

    def usable_packs(self, expires_ns: int | None) -> bytearray:
        """One byte a pack number: 1 where new snapshots may refer to it.

        An index names it, it is neither retired nor locked too briefly, nor vouched for only behind a fault of its
        writer's chain.
        """
        highest = self._database.rows("SELECT coalesce(max(no), 0) FROM packs")[0][0]
        usable = bytearray(highest + 1)
        query = (
            f"SELECT {PACK} FROM packs WHERE no > ? AND indexed AND NOT retired "  # noqa: S608 - ours
            "AND (retain_until IS NULL OR ? IS NULL OR retain_until >= ?) "
            "AND NOT EXISTS (SELECT 1 FROM faults WHERE faults.writer = packs.writer AND NOT EXISTS (SELECT 1 "
            "FROM vouched WHERE (vouched.writer, vouched.data_key, vouched.counter) "
            "= (packs.writer, packs.data_key, packs.counter) AND vouched.sequence <= faults.proven)) "
            "ORDER BY no LIMIT ?"
        )
        after = 0
        while rows := self._database.rows(query, (after, expires_ns, expires_ns, _PAGE)):
            for *values, proof in rows:
                if self._holds("pack", proof, *values):
                    usable[values[0]] = 1
            after = rows[-1][0]
        return usable

    def set_retired(self, packs: Iterable[PackId]) -> None:
        """Mark exactly these packs retired."""
        with self._database.transaction():
            self._database.change("UPDATE packs SET retired=0 WHERE retired=1")
            for pack in packs:
                self._database.change("UPDATE packs SET retired=1 WHERE no=?", (self.find_pack(pack),))

    def set_locked(self, packs: Iterable[PackId], until_ns: int) -> None:
        """Packs whose lock was extended."""
        with self._database.transaction():
            for pack in packs:
                self._database.change(
                    "UPDATE packs SET retain_until=max(coalesce(retain_until, 0), ?) WHERE no=?",
                    (until_ns, self.find_pack(pack)),
                )
