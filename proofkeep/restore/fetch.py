"""Fetches what a window of files needs, pack by pack, frames in parallel, and hands each chunk to its files."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING

from proofkeep.allocator import expect_churn
from proofkeep.errors import LOST, CancelledError, ProofkeepError, RestoreError, TargetFullError, UnsafePathError
from proofkeep.filling import Batch, Filler, Piece, SealedPack
from proofkeep.format.table import FrameRow
from proofkeep.ports import Cancelled
from proofkeep.restore.files import Target, Want
from proofkeep.snapshots.chunks import ChunkStore

if TYPE_CHECKING:
    from proofkeep.restore.crew import Crew

_SPAN = 8
# From so much on, processes of their own are worth their start: as many files, or bytes.
MANY_PIECES = 2048
MANY_BYTES = 64 << 20

Failed = tuple[Want, ProofkeepError]
Parts = dict[Future[tuple[int, list[Failed]]], int]
"""What is under way: what it read and what failed, and how many bytes it is to write."""


class Fetcher:
    """Runs a window's reads on a few threads; damage is noted on the files it hits, everything else raised."""

    def __init__(
        self,
        chunks: ChunkStore,
        target: Target,
        threads: int,
        cancelled: Cancelled,
        on_part: Callable[[], None] = lambda: None,
    ) -> None:
        """`on_part` is called when `read` and `placed` have grown."""
        expect_churn()
        self._chunks = chunks
        self._target = target
        self._cancelled = cancelled
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="restore")
        self._on_part = on_part
        self._filler = Filler(chunks.chunk_keys(), target)
        self._crew: Crew | None = None
        self._settled = False
        self._wanted = [0, 0]
        self.read = 0
        self.placed = 0

    @property
    def unset(self) -> tuple[int, int]:
        """How many owners and extended attributes other processes could not set."""
        return (0, 0) if self._crew is None else self._crew.unset

    def close(self) -> None:
        """End threads and processes; afterwards nothing is written any more."""
        self._pool.shutdown(cancel_futures=True)
        if self._crew is not None:
            self._crew.end()

    def expect(self, pieces: int, size: int) -> None:
        """Let processes of their own fill the files from now on, once much is wanted or said to come."""
        self._wanted = [self._wanted[0] + pieces, self._wanted[1] + size]
        if self._settled or (self._wanted[0] < MANY_PIECES and self._wanted[1] < MANY_BYTES):
            return
        self._settled = True
        from proofkeep.beside import cores  # noqa: PLC0415 - a restore of little starts without it
        from proofkeep.restore.crew import MOST, Crew  # noqa: PLC0415 - as above

        shared = self._target.share() if cores() > 1 else None
        if shared is not None:
            with suppress(OSError):  # where the host gives no more processes, the threads here do it, slower
                self._crew = Crew(min(cores(), MOST), self._chunks.chunk_keys(), shared)

    def begin(self, wants: Sequence[Want]) -> Parts:
        """Begin to write all wanted chunks; `end` waits for it."""
        self.expect(len(wants), sum(want.place.row.length for want in wants))
        by_pack: dict[int, list[Want]] = defaultdict(list)
        for want in wants:
            by_pack[want.place.pack].append(want)
        futures: Parts = {}
        for pack, wanted_of_it in by_pack.items():  # pack by pack, so that each table is opened once
            frames: dict[FrameRow, list[Want]] = defaultdict(list)
            for want in wanted_of_it:
                frames[self._chunks.frame(want.place)].append(want)
            rows = sorted(frames, key=lambda frame: frame.offset)
            for start in range(0, len(rows), _SPAN):
                part = {row: frames[row] for row in rows[start : start + _SPAN]}
                size = sum(want.place.row.length for wanted in part.values() for want in wanted)
                futures[self._pool.submit(self._read_part, pack, part)] = size
        return futures

    def end(self, parts: Parts) -> None:
        """Wait until all is written, each chunk from whichever pack it opens in.

        Raises:
            TargetFullError, CancelledError.
            KeyAccessError, StoreError, TransportError: of the kind met; `close` is due then.
        """
        while parts:
            again: list[Want] = []
            for future, size in parts.items():
                read, failed = future.result()
                self.read += read
                self.placed += size - sum(want.place.row.length for want, _ in failed)
                self._on_part()
                for want, error in failed:
                    again.extend(self._elsewhere(want, error))
            parts = self.begin(again)

    def _elsewhere(self, want: Want, error: ProofkeepError) -> Iterator[Want]:
        place = self._chunks.elsewhere(want.place, error)
        if place is not None:
            yield Want(want.job, want.position, place)
        elif want.job.error is None:
            want.job.error = error

    def _read_part(self, pack: int, frames: dict[FrameRow, list[Want]]) -> tuple[int, list[Failed]]:
        """Bytes read, and what could not be had from this pack."""
        if self._cancelled():
            raise CancelledError("restore was cancelled")
        read, left = 0, dict(frames)
        failed: list[Failed] = []
        try:
            sealed_pack = SealedPack(*self._chunks.sealed_pack(pack))
            for group, sealed in self._chunks.read_sealed(pack, list(frames)):
                read += len(sealed)
                failed.extend(self._fill(sealed_pack, {frame: left.pop(frame) for frame in group}, sealed))
                del sealed  # before the next is fetched
        except LOST as error:
            failed.extend((want, error) for wants in left.values() for want in wants)
        return read, failed

    def _fill(self, pack: SealedPack, frames: dict[FrameRow, list[Want]], sealed: bytes) -> list[Failed]:
        """Put what neighbouring frames hold into its files, but for files that are lost; what was not proven."""
        crew = self._crew
        wants: list[Want] = []
        rows: list[tuple[FrameRow, list[Piece]]] = []
        for frame, wanted in frames.items():
            ready = [(want, piece) for want in wanted if (piece := _piece(want, crew)) is not None]
            wants.extend(want for want, _ in ready)
            rows.append((frame, [piece for _, piece in ready]))
        filled = (crew or self._filler).fill(Batch(pack, rows[0][0].offset, rows), sealed)
        for number, error in filled.unwritten:
            wants[number].job.error = error
        unproven = {number for number, _ in filled.unproven}
        made = 0
        for number, want in enumerate(wants):
            job = want.job
            if number in unproven or job.error is not None:
                continue
            if job.handle is None:
                job.made = True
                made += want.place.row.length
            elif crew is not None:
                crew.shared.wrote(job.handle, want.place.row.length)
        if crew is not None and made:
            crew.shared.wrote(None, made)
        return [(wants[number], error) for number, error in filled.unproven]


def _piece(want: Want, crew: "Crew | None") -> Piece | None:
    """What is to be done for a want; None when its file is lost."""
    job, row = want.job, want.place.row
    if job.error is not None:
        return None
    place = row.id, row.offset, row.length
    if job.handle is not None:
        growing = job.handle if crew is None else crew.shared.layout(job.handle, want.position, row.length)
        return Piece(*place, None, growing, want.position)
    if crew is not None:
        try:
            crew.shared.prepare(job.entry.path)
        except (TargetFullError, UnsafePathError):
            raise
        except RestoreError as error:
            job.error = error
            return None
    return Piece(*place, job.entry, None, 0)
