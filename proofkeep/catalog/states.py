"""What files and manifest segments of each inventory entry were like when they were last stored."""

from array import array
from collections.abc import Iterable, Iterator, Sequence
from operator import itemgetter

from proofkeep import events
from proofkeep.catalog.rows import FileState, SegmentState
from proofkeep.state_database import StateDatabase, blob, row_check

_BATCH = 500


class States:
    """The catalog's part that belongs to entries; everything else in it belongs to the repository."""

    _database: StateDatabase
    _doubted: frozenset[str] = frozenset()

    def _holds(self, kind: str, proof: object, *values: object) -> bool:
        """Whether a row is what was written; says so once of each kind where it is not."""
        if row_check(*values) == proof:
            return True
        if kind not in self._doubted:
            self._doubted |= {kind}
            events.emit("catalog-row-damaged", outcome="failure", kind=kind)
        return False

    def file_states(self, entry: bytes, path_ids: Sequence[bytes]) -> dict[bytes, FileState]:
        """States of those files of an entry that are remembered, by path id."""
        found: dict[bytes, FileState] = {}
        for start in range(0, len(path_ids), _BATCH):
            batch = path_ids[start : start + _BATCH]
            marks = ",".join("?" * len(batch))
            query = (
                "SELECT path_id, fingerprint, chunks, extents, packs, proof FROM files "  # noqa: S608 - marks only
                f"WHERE entry=? AND path_id IN ({marks})"
            )
            for *values, proof in self._database.rows(query, (entry, *batch)):
                if not self._holds("file", proof, entry, *values):
                    continue
                path_id, fingerprint, chunks, extents, packs = values
                found[path_id] = FileState(fingerprint, chunks, tuple(array("Q", extents)), tuple(array("I", packs)))
        return found

    def totals(self, entry: bytes) -> tuple[int, int]:
        """Files and bytes of an entry's newest snapshot; zeros where none is remembered. Good for a guess only."""
        rows = self._database.rows("SELECT files, bytes FROM totals WHERE entry=?", (entry,))
        return rows[0] if rows else (0, 0)

    def set_totals(self, entry: bytes, files: int, size: int) -> None:
        """Remember how much the newest snapshot of an entry holds."""
        self._database.change("INSERT OR REPLACE INTO totals VALUES (?,?,?)", (entry, files, size))

    def hold_file_states(self, entry: bytes, states: Iterable[tuple[bytes, FileState]]) -> None:
        """Some of what `set_file_states` is to remember in the same transaction, where all is too much at a time."""
        self._database.hold("files", _file_rows(entry, states))

    def set_file_states(self, entry: bytes, states: Iterable[tuple[bytes, FileState]]) -> None:
        """Remember what files are like now, with all that is held; in order, since neighbours are written at once."""
        rows = sorted(_file_rows(entry, states), key=itemgetter(1))
        self._database.change_many("INSERT OR REPLACE INTO files VALUES (?,?,?,?,?,?,?)", rows)
        self._database.put_held("files", "entry, path_id")

    def remembers(self, entry: bytes) -> bool:
        """Whether anything of an entry is remembered."""
        return bool(self._database.rows("SELECT EXISTS(SELECT 1 FROM files WHERE entry=?)", (entry,))[0][0])

    def segment_state(self, entry: bytes, start: bytes) -> SegmentState | None:
        """The segment of an entry that begins with this path id."""
        query = "SELECT start, mark, sealed, packs, proof FROM segments WHERE entry=? AND start=?"
        for *values, proof in self._database.rows(query, (entry, start)):
            if self._holds("segment", proof, entry, *values):
                start_, mark, sealed, packs = values
                return SegmentState(start_, mark, sealed, tuple(array("I", packs)))
        return None

    def forget_segments(self, entry: bytes) -> None:
        """Before the segments of a newer snapshot are learned."""
        self._database.change("DELETE FROM segments WHERE entry=?", (entry,))

    def set_segment_states(self, entry: bytes, states: Iterable[SegmentState]) -> None:
        """Remember segments of an entry's newest snapshot."""
        self._database.change_many(
            "INSERT OR REPLACE INTO segments VALUES (?,?,?,?,?,?)",
            (
                _proven(entry, state.start, state.mark, state.sealed, array("I", state.packs).tobytes())
                for state in states
            ),
        )


def _file_rows(entry: bytes, states: Iterable[tuple[bytes, FileState]]) -> Iterator[tuple[object, ...]]:
    packed: dict[tuple[int, ...], bytearray] = {}  # many files lie in the same pack
    owner, none = blob(entry), blob(b"")
    for path_id, state in states:
        packs = packed.get(state.packs) or packed.setdefault(state.packs, blob(array("I", state.packs)))
        extents = blob(array("Q", state.extents)) if state.extents else none
        yield _proven(owner, blob(path_id), blob(state.fingerprint), blob(state.chunks), extents, packs)


def _proven(*values: object) -> tuple[object, ...]:
    return (*values, row_check(*values))
