"""Content-defined chunk boundaries: FastCDC, seeded per repository. Readers do not depend on them."""

from collections.abc import Iterator

import msgspec


class ChunkSizes(msgspec.Struct, frozen=True):
    """Minimum, average and maximum chunk length in bytes; all writers of a repository use the same."""

    minimum: int = 128 << 10
    average: int = 512 << 10
    maximum: int = 2 << 20


class Chunker:
    """Cuts buffers at places that depend on content alone."""

    def __init__(self, sizes: ChunkSizes, seed: int) -> None:
        from pyfastcdc import FastCDC  # noqa: PLC0415 - who reads a repository knows the sizes alone

        self.sizes = sizes
        self._cdc = FastCDC(
            avg_size=sizes.average, min_size=sizes.minimum, max_size=sizes.maximum, seed=seed & (1 << 63) - 1
        )

    def cut(self, buffer: memoryview, *, last: bool) -> Iterator[tuple[int, int]]:
        """(offset, length) of chunks from the start of `buffer`.

        Unless `last`, a chunk that may go on beyond the buffer is left out: it belongs at the front of the next.
        """
        end = len(buffer)
        if end == 0:
            return
        for chunk in self._cdc.cut_buf(buffer):
            if not last and chunk.offset + chunk.length == end and chunk.length < self.sizes.maximum:
                return
            yield chunk.offset, chunk.length
