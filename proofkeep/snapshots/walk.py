"""Walks a snapshot's manifest in order, reading only the segments that may hold what is wanted."""

from collections.abc import Callable, Iterator
from itertools import chain

import msgspec

from proofkeep.errors import LOST, MalformedError, UnsafePathError
from proofkeep.format import header, record
from proofkeep.format.manifest import (
    CONTINUATION,
    MAX_LEVEL,
    Child,
    Entry,
    Segment,
    check_extents,
    check_follows,
    decode_segment,
    order,
)
from proofkeep.format.record import Roots
from proofkeep.model import Finding, Kind
from proofkeep.repository import Repository
from proofkeep.snapshots.chunks import ChunkStore
from proofkeep.snapshots.data_keys import DataKeys
from proofkeep.snapshots.records import CommittedSnapshot
from proofkeep.snapshots.selection import EVERYTHING, Selection

OnDamage = Callable[[Finding], None]


def open_roots(repository: Repository, data_keys: DataKeys, snapshot: CommittedSnapshot) -> Roots:
    """The sealed half of a record. Raises `KeyAccessError` or `IntegrityError`."""
    head = header.decode(snapshot.sealed_roots, f"roots of snapshot {snapshot.id.short}")
    key = data_keys(snapshot.id.writer, head.key_id)
    return record.open_roots(key, repository.id, snapshot.id, snapshot.sealed_roots)


def walk_manifest(
    chunks: ChunkStore, roots: Roots, on_damage: OnDamage, selection: Selection = EVERYTHING
) -> Iterator[Entry]:
    """Wanted entries in walk order, whole files (continuations joined), paths below their root's prefix.

    A segment that does not open is told to `on_damage` and passed over: the rest is still walked.

    Raises:
        UnsafePathError: a path leads elsewhere.
        KeyAccessError, StoreError, TransportError: of the kind met.
    """
    for root in roots.roots:
        if root.level >= MAX_LEVEL:
            raise MalformedError(f"manifest has {root.level} levels, beyond the limit")
        top = Child(root.id, root.length, b"", b"", root.entries, root.bytes)
        tree = _Tree(chunks, on_damage, selection, root.prefix)
        yield from _joined(tree.rows(top, root.level, top=True), tree)


class _Tree(msgspec.Struct):
    """One root's walk, holding each row against the one before and each segment against its parent."""

    chunks: ChunkStore
    on_damage: OnDamage
    selection: Selection
    prefix: bytes
    _before: Entry | None = None
    _ancestors: list[Entry] = msgspec.field(default_factory=list)
    _gap: bool = False
    broken: bool = False

    def full(self, path: bytes) -> bytes:
        """The path below the root's prefix."""
        return b"/".join(part for part in (self.prefix, path) if part) if self.prefix else path

    def rows(self, child: Child, level: int, *, top: bool = False) -> Iterator[Entry]:
        subject = f"segment {child.id.hex()[:16]}"
        if not top and not self.selection.spans(self.full(child.first), self.full(child.last)):
            self._pass_over()
            return
        try:
            data = self.chunks.read(child.id)
            if len(data) != child.length:
                raise MalformedError(f"{subject} has another length than its parent says")
            rows = decode_segment(data, level, subject)
            _check_counts(child, rows)
            if not top:
                _check_range(
                    child, [(row.path, row.path) if isinstance(row, Entry) else (row.first, row.last) for row in rows]
                )
        except LOST as error:
            self.broken = True
            self._pass_over()
            self.on_damage(Finding(error.code, subject, f"{child.entries} entries cannot be listed: {error}"))
            return
        if self._before is not None and isinstance(rows[0], Entry):  # within a segment it was looked at already
            check_follows(self._before, rows[0], subject)
        for row in rows:
            if isinstance(row, Child):
                yield from self.rows(row, level - 1)
            else:
                self._before = row
                if row.kind != CONTINUATION:
                    self._check_parent(row, subject)
                yield row

    def _pass_over(self) -> None:
        """Rows were not read: the next one follows nothing known, and its parent may be among them."""
        self._before = None
        self._gap = True

    def _check_parent(self, row: Entry, subject: str) -> None:
        while self._ancestors and not _holds(self._ancestors[-1].path, row.path):
            self._ancestors.pop()
        nearest = self._ancestors[-1] if self._ancestors else None
        if nearest is not None and nearest.kind != Kind.DIRECTORY:
            raise UnsafePathError(f"{subject} holds an entry below something that is no directory")
        if row.path and not self._gap and (nearest is None or nearest.path != row.path.rpartition(b"/")[0]):
            raise MalformedError(f"{subject} holds an entry whose parent is not listed")
        self._ancestors.append(row)


def _holds(folder: bytes, path: bytes) -> bool:
    """Whether a path is this folder's own or lies below it."""
    return not folder or path.startswith(folder + b"/") or path == folder


def _check_range(child: Child, spans: list[tuple[bytes, bytes]]) -> None:
    if not spans or (spans[0][0], spans[-1][1]) != (child.first, child.last):
        raise MalformedError(f"segment {child.id.hex()[:16]} spans other paths than its parent says")


def _check_counts(child: Child, rows: Segment) -> None:
    """Hold a segment against what its parent says lies below it."""
    entries = sum(row.entries if isinstance(row, Child) else row.kind != CONTINUATION for row in rows)
    size = sum(row.bytes if isinstance(row, Child) else row.size for row in rows)
    if (entries, size) != (child.entries, child.bytes):
        raise MalformedError(f"segment {child.id.hex()[:16]} holds other counts than its parent says")


def _joined(rows: Iterator[Entry], tree: _Tree) -> Iterator[Entry]:
    """Entries with their continuations, filtered and placed below the prefix."""
    whole: Entry | None = None
    further: list[Entry] = []
    for row in rows:
        if row.kind == CONTINUATION:
            if whole is None or whole.path != row.path:
                tree.on_damage(Finding(MalformedError.code, "manifest", "a continuation lacks its file"))
                continue
            further.append(row)
            continue
        if whole is not None:
            yield from _wanted(_whole(whole, further), tree)
        whole = row
    if whole is not None:
        yield from _wanted(_whole(whole, further), tree)


def _whole(first: Entry, further: list[Entry]) -> Entry:
    """A file with its continuations, which are used up; joined once, however many there are."""
    if not further:
        return first
    rows = [first, *further]
    further.clear()
    extents = list(chain.from_iterable(row.extents for row in rows))
    return msgspec.structs.replace(first, chunks=b"".join(row.chunks for row in rows), extents=extents)


def _wanted(entry: Entry, tree: _Tree) -> Iterator[Entry]:
    path = tree.full(entry.path)
    if not tree.selection.takes(path):
        return
    if entry.extents:
        check_extents(entry.extents, entry.size, f"manifest entry of {len(order(path))} components")
    yield entry if path == entry.path else msgspec.structs.replace(entry, path=path)
