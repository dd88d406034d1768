"""Stage 2, compress: group a slab's chunks into frames and compress each."""

from collections.abc import Generator, Iterator

from proofkeep.backup.items import Compressed, Draft, EndOfStream, Stopped, upstream
from proofkeep.compression import Compressor
from proofkeep.lookahead import parallel_map
from proofkeep.slabs import Piece, Slab

FRAME_SIZE = 1 << 20
_SMALL = FRAME_SIZE // 4
_DEPTH = 3

Item = Compressed | EndOfStream | Stopped


def compress(slabs: Iterator[Slab | EndOfStream | Stopped], *, level: int, workers: int) -> Generator[Item, None, None]:
    """Each slab with its frames, in order; counts the chunks it saw."""
    compressor = Compressor(level)
    count = 0

    def work(item: Slab | EndOfStream | Stopped) -> Item:
        if isinstance(item, Slab):
            return compress_slab(compressor, item)
        return item

    for done in parallel_map(work, upstream(slabs), workers=workers, depth=_DEPTH):
        if isinstance(done, Compressed):
            count += sum(len(draft.chunks) for draft in done.drafts)
        elif isinstance(done, EndOfStream):
            done.counted["compress"] = count
        yield done


def compress_slab(compressor: Compressor, slab: Slab) -> Compressed:
    """Frames of one slab: one large chunk each, or neighbouring ones of at most 256 KiB, up to 1 MiB together."""
    drafts = []
    for group in _groups(slab.pieces):
        start = group[0].offset
        length = group[-1].offset + group[-1].length - start
        codec, data = compressor.compress(slab.view[start : start + length])
        drafts.append(Draft(start, length, codec, data, [(piece.id, piece.length) for piece in group]))
    return Compressed(slab, drafts)


def _groups(pieces: list[Piece]) -> Iterator[list[Piece]]:
    group: list[Piece] = []
    length = 0
    for piece in pieces:
        adjoins = bool(group) and group[-1].offset + group[-1].length == piece.offset
        small = piece.length <= _SMALL
        if group and (not adjoins or not small or length + piece.length > FRAME_SIZE):
            yield group
            group, length = [], 0
        if small:
            group.append(piece)
            length += piece.length
        else:
            yield [piece]
    if group:
        yield group
