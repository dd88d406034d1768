"""Who may be drawn: regular files of the snapshots in scope, put into strata and ranked while they are walked."""

from bisect import insort
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from struct import Struct
from typing import TextIO

from proofkeep.catalog import Catalog
from proofkeep.crypto.host_keys import IdKeys, digest
from proofkeep.drill.keys import key_facts
from proofkeep.drill.receipts import Facts, Sampled
from proofkeep.drill.seed import rank
from proofkeep.drill.strata import Stratum, age_class, size_class, too_many
from proofkeep.errors import CancelledError, IntegrityError, UnsafePathError
from proofkeep.format.manifest import ID_SIZE, Entry
from proofkeep.format.names import PackId
from proofkeep.model import Finding, Kind
from proofkeep.ports import Cancelled, Progress
from proofkeep.repository import Repository
from proofkeep.snapshots import ChunkStore, CommittedSnapshot, DataKeys, read_packs, walk_manifest
from proofkeep.snapshots.walk import open_roots

HEADING = "snapshot,file,data_key,size_class\n"
NO_KEY = "none"
UNKNOWN_KEY = "unknown"
_BATCH = 512
_PACKS = 65_536
_STAT = Struct(">Qq")


def stat_fingerprint(ids: IdKeys, path: bytes, size: int, mtime_ns: int) -> str:
    """Keyed fingerprint of what a file's manifest entry says of size and time; tells neither."""
    return digest(ids.path, path + b"\x00" + _STAT.pack(size, mtime_ns))[:16].hex()


@dataclass(frozen=True, slots=True)
class Scoped:
    """A snapshot that files are drawn from; `roles` are `newest`, `oldest` or neither."""

    snapshot: CommittedSnapshot
    roles: tuple[str, ...]
    age: str

    @property
    def entry(self) -> str:
        """The inventory entry's keyed id."""
        return self.snapshot.id.entry.hex()


def scope_of(
    snapshots: Sequence[CommittedSnapshot], *, every: bool, now_ns: int
) -> tuple[list[Scoped], list[CommittedSnapshot]]:
    """Newest complete and oldest retained snapshot of each entry (or all); newer ones that are incomplete apart."""
    by_entry: dict[bytes, list[CommittedSnapshot]] = defaultdict(list)
    for snapshot in snapshots:
        by_entry[snapshot.id.entry].append(snapshot)
    scoped: list[Scoped] = []
    passed_over: list[CommittedSnapshot] = []
    for _, group in sorted(by_entry.items()):
        complete = [number for number, snapshot in enumerate(group) if snapshot.facts.complete]
        newest = complete[-1] if complete else len(group) - 1
        passed_over += group[newest + 1 :]
        for number, snapshot in enumerate(group):
            roles = tuple(name for name, place in (("oldest", 0), ("newest", newest)) if place == number)
            if roles or every:
                scoped.append(Scoped(snapshot, roles, age_class(now_ns - snapshot.facts.source_at)))
    return scoped, passed_over


@dataclass(slots=True)
class Lowest:
    """The lowest ranks seen of a stratum, each file with the finest stratum it belongs to."""

    keep: int
    files: int = 0
    bytes: int = 0
    ranked: list[tuple[Stratum, Sampled]] = field(default_factory=list)

    def offer(self, place: str, stratum: Stratum, size: int, sampled: Callable[[], Sampled]) -> None:
        """Count a file, and keep it if it stands low enough."""
        self.files += 1
        self.bytes += size
        if len(self.ranked) < self.keep or place < self.ranked[-1][1].rank:
            insort(self.ranked, (stratum, sampled()), key=_rank)
            del self.ranked[self.keep :]

    def merge(self, other: "Lowest") -> None:
        """Add what another part of the same stratum saw."""
        self.files += other.files
        self.bytes += other.bytes
        self.ranked = sorted([*self.ranked, *other.ranked], key=_rank)[: self.keep]


def _rank(item: tuple[Stratum, Sampled]) -> str:
    return item[1].rank


@dataclass(slots=True)
class Population:
    """All walked files, and those that stand lowest.

    Attributes:
        strata: by the finest strata, or by those of epochs from where there are too many data keys for them.
        ends: lowest rank of each (entry, `oldest` or `newest`).
        keys: what is known of each data key in use, by its id.
        counts: files, bytes, and what was left out and why.
        left_out: of these, regular files by (entry, why).
    """

    repository: Repository
    catalog: Catalog
    seed: str
    per_stratum: int
    largest: int | None
    cancelled: Cancelled
    progress: Progress
    strata: dict[Stratum, Lowest] = field(default_factory=dict)
    ends: dict[tuple[str, str], Lowest] = field(default_factory=dict)
    keys: dict[str, Facts] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    left_out: Counter[tuple[str, str]] = field(default_factory=Counter)
    _packs: dict[int, PackId] = field(default_factory=dict)

    def walk(
        self, scoped: Scoped, chunks: ChunkStore, data_keys: DataKeys, out: TextIO, damage: Callable[[Finding], None]
    ) -> None:
        """Offer every regular file of a snapshot and write its line to `out`.

        Raises:
            KeyAccessError, StoreError, TransportError: of the kind met.
            CancelledError.
        """
        try:
            roots = open_roots(self.repository, data_keys, scoped.snapshot)
            whole = walk_manifest(chunks.preferring(read_packs(self.repository, scoped.snapshot.id)), roots, damage)
            files = self._files(scoped.entry, whole)
            while batch := list(islice(files, _BATCH)):
                if self.cancelled():
                    raise CancelledError("drill was cancelled while it walked its population")
                self._offer(scoped, batch, out, damage)
                self.progress("draw", files=self.counts["files"], bytes=self.counts["bytes"])
        except (IntegrityError, UnsafePathError) as error:
            damage(Finding(error.code, f"snapshot {scoped.snapshot.id.short}", str(error)))

    def _files(self, of: str, entries: Iterator[Entry]) -> Iterator[Entry]:
        for entry in entries:
            if entry.kind != Kind.FILE:
                self.counts["not_files"] += 1
            elif entry.unread:
                self.counts["unread"] += 1
                self.left_out[of, "unread"] += 1
            elif self.largest is not None and entry.size > self.largest:
                self.counts["too_large"] += 1
                self.left_out[of, "too_large"] += 1
                self.counts["too_large_bytes"] += entry.size
            else:
                yield entry

    def _offer(self, scoped: Scoped, batch: list[Entry], out: TextIO, damage: Callable[[Finding], None]) -> None:
        snapshot, entry_id = scoped.snapshot.id.short, scoped.entry
        for entry, pack in zip(batch, self._packs_of(batch), strict=True):
            file = self.repository.keys.ids.path_id(entry.path).hex()
            stratum = Stratum(entry_id, self._key_of(entry, pack, damage), size_class(entry.size), scoped.age)
            place = rank(self.seed, snapshot, file)
            sampled = partial(self._sampled, scoped, entry, pack, file, place)
            self._lowest(stratum).offer(place, stratum, entry.size, sampled)
            for role in scoped.roles:
                self.ends.setdefault((entry_id, role), Lowest(1)).offer(place, stratum, entry.size, sampled)
            out.write(f"{snapshot},{file},{stratum.key},{stratum.size}\n")
            self.counts["files"] += 1
            self.counts["bytes"] += entry.size

    def _sampled(self, scoped: Scoped, entry: Entry, pack: PackId | None, file: str, place: str) -> Sampled:
        ids = self.repository.keys.ids
        return Sampled(
            scoped.snapshot.id.short,
            scoped.entry,
            file,
            entry.size,
            ids.file_digest(entry.size, entry.extents, entry.chunks).hex(),
            stat_fingerprint(ids, entry.path, entry.size, entry.mtime_ns),
            "" if pack is None else pack.name,
            place,
        )

    def _packs_of(self, batch: list[Entry]) -> list[PackId | None]:
        """The pack of each file's first chunk."""
        first = [entry.chunks[:ID_SIZE] for entry in batch]
        known = self.catalog.chunk_packs([identity for identity in set(first) if identity])
        numbers = {identity: packs[0] for identity, packs in known.items()}
        if len(self._packs) > _PACKS:
            self._packs.clear()
        for number in set(numbers.values()) - self._packs.keys():
            self._packs[number] = self.catalog.pack(number).id
        return [self._packs[numbers[identity]] if identity in numbers else None for identity in first]

    def _key_of(self, entry: Entry, pack: PackId | None, damage: Callable[[Finding], None]) -> str:
        if pack is None:
            return UNKNOWN_KEY if entry.chunks else NO_KEY
        key = pack.data_key.hex()
        if key not in self.keys:
            self.keys[key] = key_facts(self.repository, pack.writer, pack.data_key, damage)
            if self.by_epoch:  # at once: strata of each night would pile up
                self._merge()
        return key

    @property
    def by_epoch(self) -> bool:
        """Whether strata go by the epochs of data keys."""
        return too_many(self.keys)

    def stratum(self, finest: Stratum) -> Stratum:
        """The one of `strata` that a file of this finest stratum belongs to."""
        return finest.of_epoch(self.keys[finest.key]["epoch"]) if self.by_epoch and finest.key in self.keys else finest

    def _lowest(self, finest: Stratum) -> Lowest:
        return self.strata.setdefault(self.stratum(finest), Lowest(self.per_stratum))

    def _merge(self) -> None:
        finer, self.strata = self.strata, {}
        for stratum, lowest in finer.items():
            self._lowest(stratum).merge(lowest)
