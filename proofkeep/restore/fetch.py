"""Fetches what a window of files needs, pack by pack, frames in parallel, and hands each chunk to its files."""

from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from proofkeep.errors import CancelledError, IntegrityError, ObjectMissingError, ProofkeepError
from proofkeep.format.table import FrameRow
from proofkeep.ports import Cancelled
from proofkeep.restore.files import Target, Want
from proofkeep.snapshots.chunks import ChunkStore

_SPAN = 8


class Fetcher:
    """Runs a window's reads on a few threads; damage is noted on the files it hits, everything else raised."""

    def __init__(self, chunks: ChunkStore, target: Target, threads: int, cancelled: Cancelled) -> None:
        self._chunks = chunks
        self._target = target
        self._cancelled = cancelled
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="restore")
        self.read = 0

    def close(self) -> None:
        """End the threads."""
        self._pool.shutdown(cancel_futures=True)

    def fetch(self, wants: Sequence[Want]) -> None:
        """Write all wanted chunks.

        Raises:
            TargetFullError, CancelledError.
            KeyAccessError, StoreError, TransportError: of the kind met.
        """
        by_pack: dict[int, dict[FrameRow, list[Want]]] = defaultdict(lambda: defaultdict(list))
        for want in wants:
            by_pack[want.place.pack][self._chunks.frame(want.place)].append(want)
        futures = []
        for pack, frames in by_pack.items():
            rows = sorted(frames, key=lambda frame: frame.offset)
            for start in range(0, len(rows), _SPAN):
                part = {row: frames[row] for row in rows[start : start + _SPAN]}
                futures.append(self._pool.submit(self._read_part, pack, part))
        try:
            for future in futures:
                self.read += future.result()
        finally:
            for future in futures:
                future.cancel()

    def _read_part(self, pack: int, frames: dict[FrameRow, list[Want]]) -> int:
        if self._cancelled():
            raise CancelledError("restore was cancelled")
        read = 0
        try:
            for frame, opened in self._chunks.read_frames(pack, list(frames)):
                read += frame.sealed_length
                if isinstance(opened, bytes):
                    self._write(frames[frame], opened)
                else:
                    _fail(frames[frame], opened)
        except (IntegrityError, ObjectMissingError) as error:
            for wants in frames.values():
                _fail(wants, error)
        return read

    def _write(self, wants: list[Want], plain: bytes) -> None:
        for want in wants:
            try:
                data = self._chunks.take(want.place, plain)
            except IntegrityError as error:
                _fail([want], error)
            else:
                want.job.put(self._target, want.position, data)


def _fail(wants: list[Want], error: ProofkeepError) -> None:
    for want in wants:
        if want.job.error is None:
            want.job.error = error
