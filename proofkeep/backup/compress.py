"""Stage 2, compress: group a slab's chunks into frames and compress each."""

from collections.abc import Generator, Iterator

from proofkeep.backup.items import Compressed, Draft, EndOfStream, Stopped, upstream
from proofkeep.compression import Compressor
from proofkeep.format.sizes import LEAST_PACK_SIZE
from proofkeep.lookahead import parallel_map
from proofkeep.slabs import Piece, Slab

FRAME_SIZE = 2 << 20  # the window of zstd 3
_AHEAD = 1  # finished items that wait for their turn, beside one a worker

Item = Compressed | EndOfStream | Stopped


def compress(
    slabs: Iterator[Slab | EndOfStream | Stopped], *, level: int, workers: int, pack_size: int
) -> Generator[Item, None, None]:
    """Each slab with its frames, in order; counts the chunks it saw.

    A frame is not larger than the packs that a configuration may ask for.
    """
    compressor = Compressor(level)
    frame_size = min(FRAME_SIZE, max(pack_size, LEAST_PACK_SIZE))
    count = 0

    def work(item: Slab | EndOfStream | Stopped) -> Item:
        if isinstance(item, Slab):
            return compress_slab(compressor, item, frame_size)
        return item

    for done in parallel_map(work, upstream(slabs), workers=workers, depth=workers + _AHEAD):
        if isinstance(done, Compressed):
            count += sum(len(draft.chunks) for draft in done.drafts)
        elif isinstance(done, EndOfStream):
            done.counted["compress"] = count
        yield done


def compress_slab(compressor: Compressor, slab: Slab, frame_size: int) -> Compressed:
    """Frames of one slab: neighbours together, up to `frame_size`; what is larger has one of its own."""
    drafts = []
    for group in _groups(slab.pieces, frame_size):
        start = group[0].offset
        length = group[-1].offset + group[-1].length - start
        codec, data = compressor.compress(slab.view[start : start + length])
        drafts.append(Draft(start, length, codec, data, [(piece.id, piece.length) for piece in group]))
    return Compressed(slab, drafts)


def _groups(pieces: list[Piece], frame_size: int) -> Iterator[list[Piece]]:
    group: list[Piece] = []
    length = 0
    for piece in pieces:
        adjoins = bool(group) and group[-1].offset + group[-1].length == piece.offset
        if group and (not adjoins or length + piece.length > frame_size):
            yield group
            group, length = [], 0
        group.append(piece)
        length += piece.length
    if group:
        yield group
