"""Teaches the catalog, at the commit, what the run stored and what its walk noted of files and segments."""

from collections.abc import Callable, Sequence
from functools import cached_property, partial
from typing import TYPE_CHECKING

from proofkeep import events
from proofkeep.backup.indexing import index_row
from proofkeep.backup.known import first_usable
from proofkeep.catalog import Catalog, FileState, SegmentState
from proofkeep.errors import StateDamagedError, StateError, StateFullError
from proofkeep.format.header import ObjectType
from proofkeep.format.manifest import ID_SIZE, id_slices
from proofkeep.format.table import decode_table
from proofkeep.journal import FileNote, Noted, SegmentNote
from proofkeep.ledger import Head
from proofkeep.repository.local_rows import open_table

if TYPE_CHECKING:
    from proofkeep.backup.run import Backup

_NEAR = 1 << 18
_BATCH = 1 << 14
_BATCH_BYTES = 4 << 20
_SEGMENTS = 1 << 8


class Places:
    """The packs that chunks lie in: those of this run from memory as far as it goes, all others from the catalog.

    Files are noted in the order in which their chunks were stored. One whose chunk lies in a pack beyond what is in
    memory thus has its neighbours there, and that pack takes the place of those before.
    """

    def __init__(self, catalog: Catalog, expires_ns: int | None, ids_of: Callable[[int], list[bytes]]) -> None:
        """`ids_of` reads the ids of a pack's chunks once more, by its number in the catalog."""
        self._catalog = catalog
        self._expires_ns = expires_ns
        self._ids_of = ids_of
        self._near: dict[bytes, int] = {}
        self._beyond = bytearray()  # one byte a number of the catalog, since there may be many
        self._reached = -1

    def learn(self, ids: Sequence[bytes], number: int, kind: ObjectType) -> None:
        """Chunks of a pack of this run, by its number in the catalog; they come as they were stored."""
        if not self._beyond and len(self._near) + len(ids) <= _NEAR:
            self._near.update(dict.fromkeys(ids, number))
        elif kind is ObjectType.CONTENT_PACK:
            self._beyond.extend(bytes(max(number + 1 - len(self._beyond), 0)))
            self._beyond[number] = 1

    @cached_property
    def _usable(self) -> bytearray:
        """First asked for when every pack of this run is known."""
        return self._catalog.usable_packs(self._expires_ns)

    def packs(self, chunks: bytes) -> tuple[int, ...] | None:
        """Where joined ids lie; None when another run of this host dropped a pack meanwhile."""
        if len(chunks) == ID_SIZE and (pack := self._near.get(chunks)) is not None:
            return (pack,)
        packs: set[int] = set()
        for ids in id_slices(chunks):
            found = self._packs(set(ids))
            if found is None:
                return None
            packs |= found
            self._go_on(max(found))
        return tuple(sorted(packs))

    def _packs(self, ids: set[bytes]) -> set[int] | None:
        others = [identity for identity in ids if identity not in self._near]
        packs = {self._near[identity] for identity in ids if identity in self._near}
        known = self._catalog.chunk_packs(others) if others else {}
        for identity in others:
            number = first_usable(known.get(identity, ()), self._usable)
            if number is None:
                return None
            packs.add(number)
        return packs

    def _go_on(self, number: int) -> None:
        if not self._reached < number < len(self._beyond) or not self._beyond[number]:
            return
        self._reached = number
        ids = self._ids_of(number)
        if len(self._near) + len(ids) > _NEAR:
            self._near.clear()
        self._near.update(dict.fromkeys(ids, number))


def teach_run(run: "Backup", head: Head) -> None:
    """New packs, their chunks, what the walk noted, and our own head: all of it, or all but the notes.

    The snapshot exists. Notes that find no room, in the catalog or in temporary files, are dropped, and what they tell
    of is read anew; where there is none without them either, they stay for a retry.

    Raises:
        StateFullError: there is no room even without the notes.
    """
    noted = run.journal.noted
    try:
        _teach(run, head, notes=noted.whole)
    except StateDamagedError:
        raise
    except (StateFullError, StateError) as error:
        # No savepoint: where it finds no room, SQLite rolls back the whole transaction by itself.
        _teach(run, head, notes=False)
        files = sum(isinstance(note, FileNote) for note in noted.read())
        noted.clear()
        entry = run.entry.hex()
        events.emit("notes-dropped", outcome="failure", entry=entry, files=files, code=error.code, reason=str(error))
    run.journal.set_packs_indexed()


def _teach(run: "Backup", head: Head, *, notes: bool) -> None:
    """One transaction."""
    catalog = run.catalog
    places = Places(catalog, run.options.expires_ns, partial(_ids, run))
    with catalog.transaction():
        total = sum(transfer.packs for transfer in run.journal.counts())
        for number, pack in enumerate(run.journal.sealed_packs()):
            run.progress("learn", packs=number, total_packs=total)
            sealed_table = run.journal.sealed_table(pack.number)
            row = index_row(run.repository, pack, sealed_table)
            ids = sorted(chunk.id for chunk in decode_table(row.table, pack.id.name).chunks)
            places.learn(ids, catalog.add_pack(row, ids, sealed_table), pack.type)
            catalog.set_version(pack.id, pack.sent.version_id if pack.sent else None, head.sequence)
        if notes:
            tell = partial(run.progress, "learn", packs=total)
            teach_notes(catalog, run.entry, run.journal.noted, places, lambda files: tell(files=files))
        catalog.set_head(run.writer, head)


def _ids(run: "Backup", number: int) -> list[bytes]:
    known = run.catalog.pack(number)
    return [chunk.id for chunk in open_table(run.repository, known.sealed_table, known.id.name).chunks]


def teach_notes(catalog: Catalog, entry: bytes, noted: Noted, places: Places, tell: Callable[[int], None]) -> None:
    """File states as they were read, and the segments of this snapshot instead of the last one's.

    A file or segment whose chunks are not all to be found is left out: it is read again next time. `tell` hears now and
    then how many files were learned.
    """
    files: list[tuple[bytes, FileState]] = []
    segments: list[SegmentState] = []
    size = 0
    packs: set[int] | None = set()
    learned = 0
    catalog.forget_segments(entry)
    for note in noted.read():
        if isinstance(note, FileNote):
            lying = places.packs(note.chunks)
            if lying is not None:
                files.append((note.path_id, FileState(note.fingerprint, note.chunks, note.extents, lying)))
                size += len(note.chunks) + 8 * len(note.extents)
            if lying is None:
                packs = None
            elif packs is not None:
                packs.update(lying)
            if len(files) >= _BATCH or size >= _BATCH_BYTES:
                catalog.hold_file_states(entry, files)
                learned += len(files)
                tell(learned)
                files.clear()
                size = 0
        else:
            state = _segment(note, packs, places.packs(note.chunk))
            if state is not None:
                segments.append(state)
            if len(segments) >= _SEGMENTS:
                catalog.set_segment_states(entry, segments)
                segments.clear()
            packs = set()
    catalog.set_file_states(entry, files)
    catalog.set_segment_states(entry, segments)


def _segment(note: SegmentNote, files: set[int] | None, own: tuple[int, ...] | None) -> SegmentState | None:
    """`files` and `own` are the packs of its files that were read and of itself; None where one was not found."""
    if not note.mark or files is None or own is None:
        return None
    return SegmentState(note.start, note.mark, note.sealed, tuple(sorted(files.union(own, note.packs))))
