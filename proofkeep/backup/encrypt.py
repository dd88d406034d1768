"""Stage 3, encrypt: seal frames into packs, and prove each frame while its plaintext is still in memory."""

from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass

from proofkeep.backup.items import Compressed, Draft, EndOfStream, PackDraft, Sealed, Stopped, upstream
from proofkeep.backup.session import SealingSession
from proofkeep.compression import decompress
from proofkeep.crypto.sealing import OVERHEAD
from proofkeep.errors import IntegrityError, SelfCheckError
from proofkeep.format.header import Context, FrameKind, ObjectType
from proofkeep.format.pack import seal_end
from proofkeep.format.record import Root
from proofkeep.lookahead import parallel_map
from proofkeep.slabs import Slab, SlabPool

_MAX_CHUNKS = 1 << 16
_AHEAD = 1  # finished items that wait for their turn, beside one a worker

Job = Callable[[], "Item"]
Item = list[Sealed] | EndOfStream | Stopped


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a draft goes: its pack, its frame number there."""

    pack: PackDraft
    context: Context
    index: int


class PackPlanner:
    """Decides, in order, which frame goes into which pack; one pack of each type is open."""

    def __init__(self, session: SealingSession, pack_size: int) -> None:
        self._session = session
        self._pack_size = pack_size
        self._open: dict[ObjectType, tuple[PackDraft, Context]] = {}

    def place(self, kind: ObjectType, draft: Draft) -> tuple[list[Sealed], _Place]:
        """The ends of packs that this frame no longer fits into, and its place."""
        ended = []
        if kind in self._open:
            table = self._open[kind][0].table
            full = table.end + len(draft.data) + OVERHEAD > self._pack_size and table.frame_count
            if full or table.chunk_count + len(draft.chunks) > _MAX_CHUNKS:
                ended.append(self._end(kind))
        if kind not in self._open:
            pack, context = self._session.new_pack(kind)
            self._open[kind] = PackDraft(pack, kind, context.header_bytes), context
        pack_draft, context = self._open[kind]
        place = _Place(pack_draft, context, pack_draft.table.frame_count)
        pack_draft.table.add(len(draft.data) + OVERHEAD, draft.length, draft.codec, draft.chunks)
        return ended, place

    def _end(self, kind: ObjectType) -> Sealed:
        pack, context = self._open.pop(kind)
        return Sealed(pack, [], seal_end(context, pack.table))

    def finish(self) -> list[Sealed]:
        """Ends of the packs still open."""
        return [self._end(kind) for kind in sorted(self._open)]


def encrypt(
    items: Iterator[Compressed | EndOfStream | Stopped],
    *,
    planner: PackPlanner,
    pool: SlabPool,
    seal_roots: Callable[[Root], bytes],
    workers: int,
    self_check: bool,
) -> Generator[Item, None, None]:
    """Sealed frames in order, each slab released once its frames are proven; the end brings the sealed roots."""
    count = 0

    def jobs() -> Iterator[Job]:
        nonlocal count
        for item in upstream(items):
            if isinstance(item, Compressed):
                count += sum(len(draft.chunks) for draft in item.drafts)
                yield _job(item, planner, pool, self_check=self_check)
            elif isinstance(item, EndOfStream):
                last, roots = planner.finish(), seal_roots(item.root)
                item.counted["encrypt"] = count
                yield _ready(last)
                yield _ready(EndOfStream(item.totals, item.counted, item.root, roots))
            else:
                yield _ready(item)

    yield from parallel_map(lambda job: job(), jobs(), workers=workers, depth=workers + _AHEAD)


def _ready(item: Item) -> Job:
    return lambda: item


def _job(item: Compressed, planner: PackPlanner, pool: SlabPool, *, self_check: bool) -> Job:
    planned = [(draft, *planner.place(item.slab.type, draft)) for draft in item.drafts]

    def seal() -> list[Sealed]:
        sealed: list[Sealed] = []
        for draft, ended, place in planned:
            sealed.extend(ended)
            sealed.append(Sealed(place.pack, [seal_frame(item.slab, draft, place, self_check=self_check)], None))
        pool.release(item.slab)
        return sealed

    return seal


def seal_frame(slab: Slab, draft: Draft, place: _Place, *, self_check: bool) -> bytearray:
    """Seal one frame, and with `self_check` open it again and compare it with the slab. Raises `SelfCheckError`."""
    context = place.context
    sealed = context.seal(FrameKind.FRAME, place.index, draft.length, draft.codec, draft.data)
    if self_check:
        subject = f"frame {place.index} of {place.pack.id.name}"
        try:
            packed = context.open(FrameKind.FRAME, place.index, draft.length, draft.codec, sealed, subject)
            plain = decompress(draft.codec, packed, draft.length, subject)
        except IntegrityError as error:
            raise SelfCheckError(f"{subject} does not open after sealing: {error.code}") from None
        if not plain.startswith(slab.view[draft.offset : draft.offset + draft.length]):  # of one length; copies nothing
            raise SelfCheckError(f"{subject} opens to other bytes than went in")
    return sealed
