"""Teaches the catalog, at the commit, what the walk noted of files and segments."""

from collections.abc import Iterable, Sequence
from functools import cached_property

from proofkeep.backup.known import first_usable
from proofkeep.catalog import Catalog, FileState, SegmentState
from proofkeep.format.manifest import ID_SIZE
from proofkeep.journal import FileNote, Noted, SegmentNote

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
            packs = _joined(packs, lying)
            if len(files) >= _BATCH:
                catalog.set_file_states(entry, files)
                files.clear()
        else:
            state = _segment(note, _joined(packs, places.packs(note.chunk)))
            if state is not None:
                segments.append(state)
            packs = set()
    catalog.set_file_states(entry, files)
    catalog.set_segment_states(entry, segments)


def _joined(packs: set[int] | None, more: Iterable[int] | None) -> set[int] | None:
    return None if packs is None or more is None else packs.union(more)


def _segment(note: SegmentNote, packs: set[int] | None) -> SegmentState | None:
    if not note.mark or packs is None:
        return None
    return SegmentState(note.start, note.mark, note.sealed, tuple(sorted(packs.union(note.packs))))
