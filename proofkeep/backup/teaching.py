"""Teaches the catalog, at the commit, what the run stored and what its walk noted of files and segments."""

from collections.abc import Callable, Sequence
from functools import cached_property, partial
from typing import TYPE_CHECKING

from proofkeep.backup.indexing import index_row
from proofkeep.backup.known import first_usable
from proofkeep.catalog import Catalog, FileState, SegmentState
from proofkeep.format.header import ObjectType
from proofkeep.format.manifest import ID_SIZE
from proofkeep.format.table import decode_table
from proofkeep.journal import FileNote, JournalPack, Noted, SegmentNote
from proofkeep.ledger import Head

if TYPE_CHECKING:
    from proofkeep.backup.run import Backup

_NEAR = 1 << 18
_BATCH = 1 << 14


class Places:
    """The packs that chunks lie in: those of this run from memory as far as it goes, all others from the catalog.

    Files are noted in the order in which their chunks were stored. One whose chunk lies in a pack beyond what is in
    memory thus has its neighbours there, and that pack takes the place of those before.
    """

    def __init__(self, catalog: Catalog, expires_ns: int | None, ids_of: Callable[[JournalPack], list[bytes]]) -> None:
        """`ids_of` reads the ids of a pack's chunks once more."""
        self._catalog = catalog
        self._expires_ns = expires_ns
        self._ids_of = ids_of
        self._near: dict[bytes, int] = {}
        self._beyond: dict[int, JournalPack] = {}

    def learn(self, ids: Sequence[bytes], number: int, pack: JournalPack) -> None:
        """Chunks of a pack of this run, under its number in the catalog; packs come in the order they were stored."""
        if not self._beyond and len(self._near) + len(ids) <= _NEAR:
            self._near.update(dict.fromkeys(ids, number))
        elif pack.type is ObjectType.CONTENT_PACK:
            self._beyond[number] = pack

    @cached_property
    def _usable(self) -> bytearray:
        """First asked for when every pack of this run is known."""
        return self._catalog.usable_packs(self._expires_ns)

    def packs(self, chunks: bytes) -> tuple[int, ...] | None:
        """Where joined ids lie; None when another run of this host dropped a pack meanwhile."""
        if len(chunks) == ID_SIZE and (pack := self._near.get(chunks)) is not None:
            return (pack,)
        ids = {chunks[i : i + ID_SIZE] for i in range(0, len(chunks), ID_SIZE)}
        others = [identity for identity in ids if identity not in self._near]
        packs = {self._near[identity] for identity in ids if identity in self._near}
        known = self._catalog.chunk_packs(others) if others else {}
        for identity in others:
            number = first_usable(known.get(identity, ()), self._usable)
            if number is None:
                return None
            packs.add(number)
        self._go_on(max(packs, default=0))
        return tuple(sorted(packs))

    def _go_on(self, number: int) -> None:
        pack = self._beyond.get(number)
        if pack is None:
            return
        self._beyond = {later: each for later, each in self._beyond.items() if later > number}
        ids = self._ids_of(pack)
        if len(self._near) + len(ids) > _NEAR:
            self._near.clear()
        self._near.update(dict.fromkeys(ids, number))


def teach_run(run: "Backup", head: Head) -> None:
    """New packs, their chunks, what the walk noted, and our own head: one transaction."""
    catalog = run.catalog
    places = Places(catalog, run.options.expires_ns, partial(_ids, run))
    with catalog.transaction():
        for pack in run.journal.packs():
            sealed_table = run.journal.sealed_table(pack.number)
            row = index_row(run.repository, pack, sealed_table)
            ids = sorted(chunk.id for chunk in decode_table(row.table, pack.id.name).chunks)
            places.learn(ids, catalog.add_pack(row, ids, sealed_table), pack)
            catalog.set_version(pack.id, pack.sent.version_id if pack.sent else None, head.sequence)
        if run.journal.noted.whole:
            teach_notes(catalog, run.entry, run.journal.noted, places)
        catalog.set_head(run.writer, head)
    run.journal.set_packs_indexed()


def _ids(run: "Backup", pack: JournalPack) -> list[bytes]:
    row = index_row(run.repository, pack, run.journal.sealed_table(pack.number))
    return [chunk.id for chunk in decode_table(row.table, pack.id.name).chunks]


def teach_notes(catalog: Catalog, entry: bytes, noted: Noted, places: Places) -> None:
    """File states as they were read, and the segments of this snapshot instead of the last one's.

    A file or segment whose chunks are not all to be found is left out: it is read again next time.
    """
    files: list[tuple[bytes, FileState]] = []
    segments: list[SegmentState] = []
    packs: set[int] | None = set()
    catalog.forget_segments(entry)
    for note in noted.read():
        if isinstance(note, FileNote):
            lying = places.packs(note.chunks)
            if lying is not None:
                files.append((note.path_id, FileState(note.fingerprint, note.chunks, note.extents, lying)))
            if lying is None:
                packs = None
            elif packs is not None:
                packs.update(lying)
            if len(files) >= _BATCH:
                catalog.hold_file_states(entry, files)
                files.clear()
        else:
            state = _segment(note, packs, places.packs(note.chunk))
            if state is not None:
                segments.append(state)
            packs = set()
    catalog.set_file_states(entry, files)
    catalog.set_segment_states(entry, segments)


def _segment(note: SegmentNote, files: set[int] | None, own: tuple[int, ...] | None) -> SegmentState | None:
    """`files` and `own` are the packs of its files that were read and of itself; None where one was not found."""
    if not note.mark or files is None or own is None:
        return None
    return SegmentState(note.start, note.mark, note.sealed, tuple(sorted(files.union(own, note.packs))))
