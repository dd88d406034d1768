"""Chunks out of packs: where they lie by the catalog, opened by ranged reads, each proven by its id."""

import threading
from collections import Counter, OrderedDict
from collections.abc import Iterator, Sequence
from copy import copy
from typing import Self

import msgspec

from proofkeep.catalog import Catalog, KnownPack
from proofkeep.crypto import host_keys
from proofkeep.crypto.sealing import OVERHEAD
from proofkeep.errors import (
    LOST,
    AuthenticationError,
    KeyAccessError,
    MalformedError,
    ObjectMissingError,
    PackMissingError,
    ProofkeepError,
)
from proofkeep.format import header
from proofkeep.format.header import Context, ObjectType
from proofkeep.format.pack import open_frame
from proofkeep.format.pack_set import Row, decode_packs, holds_pack
from proofkeep.format.table import ChunkRow, FrameRow
from proofkeep.repository import Repository
from proofkeep.repository.local_rows import open_table
from proofkeep.repository.stored import fetch
from proofkeep.snapshots.data_keys import DataKeys
from proofkeep.snapshots.unindexed import learn_from_tables

MOST_ROWS = 1 << 15  # of the tables kept open, about 10 MiB; two packs of small files alone may have more
_LEAST_TABLES = 2
_ASKED = 500
_NEAR = 2
_AHEAD = 1 << 13
_FRAMES = 2  # of manifests: a walk goes on in one, and comes back to it from a segment of another night or level
_SPAN = 4 << 20  # so many bytes of each thread are in memory several times


class Place(msgspec.Struct, frozen=True, gc=False):
    """Where one chunk lies; `others` are further packs that the index says hold it, None where it was not asked."""

    pack: int
    row: ChunkRow
    others: tuple[int, ...] | None = ()


class _OpenPack(msgspec.Struct, eq=False):
    known: KnownPack
    type: ObjectType
    frames: Sequence[FrameRow]
    rows: dict[bytes, ChunkRow]
    context: Context | None = None


class ChunkStore:
    """Opens chunks for the restore role; safe to use from several threads, bounded memory.

    Attributes:
        damaged: numbers of packs of which something is not what it was; None where a chunk was in no pack.
    """

    def __init__(self, repository: Repository, catalog: Catalog, data_keys: DataKeys) -> None:
        self._repository = repository
        self._catalog = catalog
        self._data_keys = data_keys
        self._packs: OrderedDict[int, _OpenPack] = OrderedDict()
        self._frames: OrderedDict[tuple[int, int], bytes] = OrderedDict()
        self._last: _OpenPack | None = None
        self._doubtful: set[int] = set()
        self.damaged: set[int | None] = set()
        self.preferred: Sequence[Row] = ()
        self.looked = True
        self._lock = threading.RLock()

    def preferring(self, packs: Sequence[Row]) -> Self:
        """The same store, caches shared, which looks into these packs first.

        A record names the packs its writer meant; an index may name others, by accident or to mislead, or lack some.
        """
        other = copy(self)
        other.preferred, other.looked = packs, False
        return other

    def locate(self, ids: Sequence[bytes]) -> dict[bytes, Place]:
        """Places of those chunks that the catalog knows, or that the packs preferred turn out to hold."""
        places, wanted = self._located(ids), set(ids)
        if not self.looked and not places.keys() >= wanted:
            self.looked = True
            if learn_from_tables(self._repository, self._catalog, self._data_keys, decode_packs(self.preferred)):
                places = self._located(ids)
        if not places.keys() >= wanted:
            self.damaged.add(None)
        return places

    def _located(self, ids: Sequence[bytes]) -> dict[bytes, Place]:
        """Places by the catalog, but for what lies in the packs that it told last: files lie as they follow."""
        places: dict[bytes, Place] = {}
        left = list(ids)
        self._near([] if self._last is None else [self._last.known.number], left, places)
        while left:
            asked = left[:_ASKED]
            del left[:_ASKED]
            found: Counter[int] = Counter()
            # Pack by pack, so that each table is opened once.
            for identity, numbers in sorted(self._catalog.chunk_packs(asked).items(), key=lambda told: told[1]):
                place = self._first(identity, numbers if len(numbers) == 1 else sorted(numbers, key=self._order))
                if place is not None:
                    places[identity] = place
                    found[place.pack] += 1
            self._near([number for number, _ in found.most_common(_NEAR)], left, places)
        return places

    def _near(self, numbers: list[int], ids: list[bytes], places: dict[bytes, Place]) -> None:
        """Take out of the next `ids` what lies in these packs, if the snapshot means them and none is in doubt."""
        for number in numbers:
            if self._order(number) != (False, False, number):
                continue
            rows = self._pack(number).rows
            places.update(
                (identity, Place(number, rows[identity], None)) for identity in ids[:_AHEAD] if identity in rows
            )
            ids[:_AHEAD] = [identity for identity in ids[:_AHEAD] if identity not in rows]

    def elsewhere(self, place: Place, error: ProofkeepError) -> Place | None:
        """Another copy of the chunk, for when this one does not open; its pack is looked into last from now on."""
        self._doubtful.add(place.pack)
        if not isinstance(error, KeyAccessError):
            self.damaged.add(place.pack)
        identity, others = place.row.id, place.others
        if others is None:
            numbers = self._catalog.chunk_packs([identity]).get(identity, [])
            others = tuple(sorted({*numbers} - {place.pack}, key=self._order))
        other = self._first(identity, others)
        while other is not None and other.row.length != place.row.length:
            other = self._first(identity, other.others or ())
        return other

    def _order(self, number: int) -> tuple[bool, bool, int]:
        return number in self._doubtful, not holds_pack(self.preferred, self._pack(number).known.id), number

    def _first(self, identity: bytes, numbers: Sequence[int]) -> Place | None:
        for at, number in enumerate(numbers, 1):
            row = self._pack(number).rows.get(identity)
            if row is not None:
                return Place(number, row, tuple(numbers[at:]))
        return None

    def pack_name(self, number: int) -> str:
        """The object's name of a pack."""
        return self._pack(number).known.id.name

    def read(self, identity: bytes) -> bytes:
        """One chunk, from whichever pack it opens in; for manifests and single files.

        Raises:
            PackMissingError: no index names it, or its pack is gone.
            AuthenticationError, MalformedError, TruncatedError: its pack is damaged.
            KeyAccessError, StoreError, TransportError: of the kind met.
        """
        place = self.locate([identity]).get(identity)
        if place is None:
            raise PackMissingError(f"chunk {identity.hex()[:16]} is in no pack that the index names")
        while True:
            try:
                return self.take(place, self._frame_of(place))
            except LOST as error:
                other = self.elsewhere(place, error)
                if other is None:
                    raise
                place = other

    def _frame_of(self, place: Place) -> bytes:
        """Plaintext of the frame a chunk lies in."""
        key = place.pack, place.row.frame
        with self._lock:
            plain = self._frames.pop(key, None)
        if plain is None:
            _, opened = next(self.read_frames(place.pack, [self.frame(place)]))
            if not isinstance(opened, bytes):
                raise opened
            plain = opened
        with self._lock:
            self._frames[key] = plain  # the last to go
            while len(self._frames) > _FRAMES:
                self._frames.popitem(last=False)
        return plain

    def take(self, place: Place, plain: bytes) -> bytes:
        """The chunk at `place` out of its frame's plaintext, once its id holds. Raises `AuthenticationError`."""
        row = place.row
        data = plain[row.offset : row.offset + row.length]
        if host_keys.names(self._keys_of(self._pack(place.pack).type), data, row.id):
            return data
        raise AuthenticationError(f"chunk {row.id.hex()[:16]} of {self.pack_name(place.pack)} is not what its id says")

    def _keys_of(self, kind: ObjectType) -> list[bytes]:
        """The keys that chunks of a pack may be named by, of every id generation."""
        keys = self._repository.keys
        generations = (keys.ids, *keys.earlier_ids)
        return [ids.chunk if kind is ObjectType.CONTENT_PACK else ids.segment for ids in generations]

    def frame(self, place: Place) -> FrameRow:
        """The frame a chunk lies in."""
        return self._pack(place.pack).frames[place.row.frame]

    def read_frames(
        self, number: int, frames: Sequence[FrameRow]
    ) -> Iterator[tuple[FrameRow, bytes | AuthenticationError | MalformedError]]:
        """Plaintexts of frames of one pack (ascending); a damaged one as its error. Raises as `read_sealed`."""
        pack = self._pack(number)
        context, name = self._context(pack), pack.known.id.name
        for group, data in self.read_sealed(number, frames):
            for frame in group:
                place = frame.offset - group[0].offset
                sealed = memoryview(data)[place : place + frame.sealed_length]
                try:
                    yield frame, open_frame(context, frame, sealed, name)
                except (AuthenticationError, MalformedError) as error:
                    yield frame, error

    def read_sealed(self, number: int, frames: Sequence[FrameRow]) -> Iterator[tuple[list[FrameRow], bytes]]:
        """Frames of one pack (ascending) as they lie in the store: neighbours, and their bytes by one ranged read.

        Raises:
            PackMissingError: the pack is gone, or shorter than its index says.
            KeyAccessError, StoreError, TransportError: of the kind met.
        """
        pack = self._pack(number)
        name, version = pack.known.id.name, pack.known.version_id
        for group in _spans(frames):
            start = group[0].offset
            length = group[-1].offset + group[-1].sealed_length - start
            try:
                data = fetch(self._repository.store, name, offset=start, length=length, version_id=version)
            except ObjectMissingError:
                raise PackMissingError(f"pack {name} is gone from the store") from None
            yield group, data
            del data

    def sealed_pack(self, number: int) -> tuple[str, bytes, bytes]:
        """Name, header and data key of a pack: what opens its frames.

        Raises:
            KeyAccessError, IntegrityError, StoreError, TransportError: the key cannot be had.
        """
        known = self._pack(number).known
        return known.id.name, known.header, self._data_keys(known.id.writer, known.id.data_key)

    def chunk_keys(self) -> list[bytes]:
        """The keys that content is named by, of every id generation, the newest first."""
        return self._keys_of(ObjectType.CONTENT_PACK)

    def _context(self, pack: _OpenPack) -> Context:
        if pack.context is None:
            key = self._data_keys(pack.known.id.writer, pack.known.id.data_key)
            pack.context = header.open_context(key, pack.known.header, pack.known.id.name)
        return pack.context

    def _pack(self, number: int) -> _OpenPack:
        last = self._last  # neighbours lie in one pack
        if last is not None and last.known.number == number:
            return last
        with self._lock:
            pack = self._packs.get(number)
            if pack is None:
                known = self._catalog.pack(number)
                table = open_table(self._repository, known.sealed_table, known.id.name)
                kind = header.decode(known.header, known.id.name).type
                known = msgspec.structs.replace(known, sealed_table=b"")
                pack = _OpenPack(known, kind, table.frames, {row.id: row for row in table.chunks})
                self._packs[number] = pack
                self._forget_tables()
            else:
                self._packs.move_to_end(number)
            self._last = pack
            return pack

    def _forget_tables(self) -> None:
        rows = sum(len(pack.rows) for pack in self._packs.values())
        while rows > MOST_ROWS and len(self._packs) > _LEAST_TABLES:
            _, oldest = self._packs.popitem(last=False)
            rows -= len(oldest.rows)


def _spans(frames: Sequence[FrameRow]) -> Iterator[list[FrameRow]]:
    """Neighbouring frames in groups of at most 4 MiB, or one that is larger."""
    group: list[FrameRow] = []
    for frame in frames:
        if group:
            end = group[-1].offset + group[-1].sealed_length
            if frame.offset != end or end + frame.sealed_length - group[0].offset > _SPAN + OVERHEAD:
                yield group
                group = []
        group.append(frame)
    if group:
        yield group
