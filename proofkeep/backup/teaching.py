"""Teaches the catalog, at the commit, what the run stored and what its walk noted of files and segments."""

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from proofkeep.backup.indexing import index_row
from proofkeep.backup.known import first_usable
from proofkeep.catalog import Catalog, FileState, SegmentState
from proofkeep.format.manifest import ID_SIZE
from proofkeep.format.table import decode_table
from proofkeep.journal import FileNote, Noted, SegmentNote
from proofkeep.ledger import Head

if TYPE_CHECKING:
    from proofkeep.backup.run import Backup

_NEWEST = 1 << 18
_BATCH = 1 << 14


class Places:
    """The packs that chunks lie in: those of this run from memory as far as it goes, all others from the catalog."""

    def __init__(self, catalog: Catalog, expires_ns: int | None) -> None:
        self._catalog = catalog
        self._expires_ns = expires_ns
        self._newest: dict[bytes, int] = {}

    def learn(self, ids: Sequence[bytes], pack: int) -> None:
        """Chunks of a pack of this run."""
        if len(self._newest) + len(ids) <= _NEWEST:
            self._newest.update(dict.fromkeys(ids, pack))

    @cached_property
    def _usable(self) -> bytearray:
        """First asked for when every pack of this run is known."""
        return self._catalog.usable_packs(self._expires_ns)

    def packs(self, chunks: bytes) -> tuple[int, ...] | None:
        """Where joined ids lie; None when another run of this host dropped a pack meanwhile."""
        if len(chunks) == ID_SIZE and (pack := self._newest.get(chunks)) is not None:
            return (pack,)
        ids = {chunks[i : i + ID_SIZE] for i in range(0, len(chunks), ID_SIZE)}
        others = [identity for identity in ids if identity not in self._newest]
        packs = {self._newest[identity] for identity in ids if identity in self._newest}
        known = self._catalog.chunk_packs(others) if others else {}
        for identity in others:
            number = first_usable(known.get(identity, ()), self._usable)
            if number is None:
                return None
            packs.add(number)
        return tuple(sorted(packs))


def teach_run(run: "Backup", head: Head) -> None:
    """New packs, their chunks, what the walk noted, and our own head: one transaction."""
    catalog = run.catalog
    places = Places(catalog, run.options.expires_ns)
    with catalog.transaction():
        for pack in run.journal.packs():
            sealed_table = run.journal.sealed_table(pack.number)
            row = index_row(run.repository, pack, sealed_table)
            ids = sorted(chunk.id for chunk in decode_table(row.table, pack.id.name).chunks)
            places.learn(ids, catalog.add_pack(row, ids, sealed_table))
            catalog.set_version(pack.id, pack.sent.version_id if pack.sent else None, head.sequence)
        if run.journal.noted.whole:
            teach_notes(catalog, run.entry, run.journal.noted, places)
        catalog.set_head(run.writer, head)
    run.journal.set_packs_indexed()


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
                catalog.set_file_states(entry, files)
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
