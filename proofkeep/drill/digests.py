"""Keyed digests of files from their plaintext, cut again where the backup cut it. Knows no place files lie in."""

from collections.abc import Iterable, Iterator, Sequence

from proofkeep.chunking import Chunker
from proofkeep.crypto.host_keys import IdKeys
from proofkeep.errors import IntegrityError
from proofkeep.repository import Repository

_BUFFER = 8 << 20
_ZEROS = bytes(1 << 20)

Piece = tuple[int, bytes | memoryview]
"""Content at an offset of a file."""


class Digester:
    """Computes what `IdKeys.file_digest` says of a file; one thread at a time."""

    def __init__(self, repository: Repository) -> None:
        self._ids: IdKeys = repository.keys.ids
        self._chunker = Chunker(repository.descriptor.chunker, self._ids.seed)
        self._view = memoryview(bytearray(max(_BUFFER, 2 * self._chunker.sizes.maximum)))

    def digest(self, size: int, extents: Sequence[int], data: Iterable[bytes | memoryview]) -> bytes:
        """32 bytes. `data` is the file's data in order, holes left out; `extents` as the manifest has them."""
        return self._ids.file_digest(size, extents, self._chunk_ids(data))

    def _chunk_ids(self, data: Iterable[bytes | memoryview]) -> bytes:
        view, end, ids = self._view, 0, bytearray()
        for part in data:
            rest = memoryview(part)
            while rest:
                count = min(len(rest), len(view) - end)
                view[end : end + count] = rest[:count]
                rest = rest[count:]
                end += count
                if end == len(view):
                    end = self._cut(end, ids, last=False)
        self._cut(end, ids, last=True)
        return bytes(ids)

    def _cut(self, end: int, ids: bytearray, *, last: bool) -> int:
        """Name the chunks that end before `end`; how many bytes stay at the front for the next cut."""
        content = self._view[:end]
        position = 0
        for offset, length in self._pieces(content, last=last):
            ids += self._ids.chunk_id(content[offset : offset + length])
            position = offset + length
        rest = bytes(content[position:])
        self._view[: len(rest)] = rest
        return len(rest)

    def _pieces(self, content: memoryview, *, last: bool) -> Iterator[tuple[int, int]]:
        if last and 0 < len(content) <= self._chunker.sizes.minimum:
            yield 0, len(content)
        else:
            yield from self._chunker.cut(content, last=last)


def data_places(size: int, extents: Sequence[int], chunks: bytes) -> list[tuple[int, int]]:
    """(offset, length) of a file's data; none for a file that is one hole."""
    if extents:
        return list(zip(extents[::2], extents[1::2], strict=True))
    return [(0, size)] if size and chunks else []


def fit(pieces: Iterable[Piece], places: Sequence[tuple[int, int]]) -> Iterator[bytes | memoryview]:
    """The bytes that lie in `places`, out of a file's data as some filesystem reports it.

    Filesystems differ in where they keep holes: what is not in `pieces` reads as zeros, and zeros are all that may
    lie outside `places`.

    Args:
        pieces: ascending, without overlap.

    Raises:
        IntegrityError: something else than zeros lies outside.
    """
    waiting = iter(places)
    start, end = _after(waiting)
    for offset, data in pieces:
        rest = memoryview(data)
        at = offset
        while rest:
            while start >= 0 and end <= at:
                yield from _zeros(end - start)
                start, end = _after(waiting)
            if start < 0 or at < start:
                count = len(rest) if start < 0 else min(len(rest), start - at)
                if bytes(rest[:count]).count(0) != count:
                    raise IntegrityError("a file holds something where its manifest says there is a hole")
            else:
                yield from _zeros(at - start)
                count = min(len(rest), end - at)
                yield rest[:count]
                start = at + count
            rest = rest[count:]
            at += count
    while start >= 0:
        yield from _zeros(end - start)
        start, end = _after(waiting)


def _after(waiting: Iterator[tuple[int, int]]) -> tuple[int, int]:
    offset, length = next(waiting, (-1, 0))
    return offset, offset + length


def _zeros(count: int) -> Iterator[bytes]:
    while count > 0:
        yield _ZEROS[:count]
        count -= len(_ZEROS)
