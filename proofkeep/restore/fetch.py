"""Fetches what a window of files needs, pack by pack, frames in parallel, and hands each chunk to its files."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from proofkeep.allocator import expect_churn
from proofkeep.errors import LOST, CancelledError, IntegrityError, ProofkeepError
from proofkeep.format.table import FrameRow
from proofkeep.ports import Cancelled
from proofkeep.restore.files import Target, Want
from proofkeep.snapshots.chunks import ChunkStore

_SPAN = 8

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
        self.read = 0
        self.placed = 0

    def close(self) -> None:
        """End the threads."""
        self._pool.shutdown(cancel_futures=True)

    def begin(self, wants: Sequence[Want]) -> Parts:
        """Begin to write all wanted chunks; `end` waits for it."""
        by_pack: dict[int, dict[FrameRow, list[Want]]] = defaultdict(lambda: defaultdict(list))
        for want in wants:
            by_pack[want.place.pack][self._chunks.frame(want.place)].append(want)
        futures: Parts = {}
        for pack, frames in by_pack.items():
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
        place = self._chunks.elsewhere(want.place)
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
            for frame, opened in self._chunks.read_frames(pack, list(frames)):
                read += frame.sealed_length
                wants = left.pop(frame)
                if isinstance(opened, bytes):
                    failed.extend(self._write(wants, opened))
                else:
                    failed.extend((want, opened) for want in wants)
        except LOST as error:
            failed.extend((want, error) for wants in left.values() for want in wants)
        return read, failed

    def _write(self, wants: list[Want], plain: bytes) -> Iterator[Failed]:
        for want in wants:
            try:
                data = self._chunks.take(want.place, plain)
            except IntegrityError as error:
                yield want, error
            else:
                want.job.put(self._target, want.position, data)
