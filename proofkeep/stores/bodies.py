"""Reading what is to be stored, without a copy of it in memory.

Trouble with the file to be stored is told apart here from trouble with the store.
"""

import contextlib
import errno
import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from proofkeep.errors import TransferFailedError, TruncatedError
from proofkeep.ports import Body

PIECE = 1024 * 1024
WHOLE = 64 << 20  # bytes; what is read at once, if not by a range, is small by its format


def size_of(body: Body, name: str) -> int:
    """Length in bytes of the body of object `name`."""
    if isinstance(body, Path):
        with readable(name):
            return body.stat().st_size
    return memoryview(body).nbytes


def pieces(body: Body, name: str) -> Iterator[memoryview]:
    """The body in order, in pieces of at most 1 MiB, each gone when the next is asked for."""
    if not isinstance(body, Path):
        view = memoryview(body).cast("B")
        for start in range(0, len(view), PIECE):
            yield view[start : start + PIECE]
        return
    buffer = memoryview(bytearray(PIECE))
    with opened(body, name) as file:
        while count := _fill(file, buffer, name):
            yield buffer[:count]


def _fill(file: io.FileIO, buffer: memoryview, name: str) -> int:
    with readable(name):
        return file.readinto(buffer)


class Readable(Protocol):
    """A body that an HTTP library reads."""

    def read(self, size: int = -1, /) -> bytes | memoryview:
        """The next `size` bytes, fewer at the end."""

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """Go to a position."""

    def tell(self) -> int:
        """The position."""


def stream(body: Body, name: str) -> contextlib.AbstractContextManager[bytes | Readable]:
    """The body as an HTTP library takes it."""
    if isinstance(body, Path):
        return opened(body, name)
    return contextlib.nullcontext(body if isinstance(body, bytes) else MemoryStream(body))


def opened(path: Path, name: str) -> io.FileIO:
    """The file at `path`, unbuffered."""
    with readable(name):
        return io.FileIO(os.open(path, os.O_RDONLY | os.O_CLOEXEC))


@contextlib.contextmanager
def readable(name: str) -> Iterator[None]:
    """`TransferFailedError` where the file to be stored as `name` cannot be read."""
    try:
        yield
    except OSError as error:
        code = errno.errorcode.get(error.errno or 0, "unknown")
        raise TransferFailedError(f"what is to be stored as {name} cannot be read ({code})") from None


class MemoryStream:
    """A file-like view of bytes in memory; `io.BytesIO` would copy them."""

    def __init__(self, body: memoryview) -> None:
        self._view = body.cast("B")
        self._position = 0

    def __len__(self) -> int:
        return len(self._view)

    def read(self, size: int = -1, /) -> memoryview:
        """The next `size` bytes, fewer at the end."""
        end = len(self._view) if size < 0 else min(self._position + size, len(self._view))
        piece = self._view[self._position : end]
        self._position = end
        return piece

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """Go to a position within the bytes."""
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: len(self._view)}[whence]
        self._position = max(0, min(start + offset, len(self._view)))
        return self._position

    def tell(self) -> int:
        """The position."""
        return self._position


def refuse_huge(name: str, size: int) -> None:
    """Raise `TruncatedError` for an object that no memory should be given to: who put it there decides its size."""
    if size > WHOLE:
        raise TruncatedError(f"object {name} has {size} bytes, more than an object that is read at once may have")
