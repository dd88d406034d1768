"""Slabs: a few reused buffers in which plaintext travels. They bound a run's memory whatever the source's size."""

import mmap
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import NamedTuple

from proofkeep.allocator import expect_churn
from proofkeep.errors import CancelledError
from proofkeep.format.header import ObjectType
from proofkeep.ports import Cancelled

SLAB_SIZE = 8 << 20
_WAIT_SECONDS = 0.2


class Piece(NamedTuple):
    """One new chunk in a slab."""

    id: bytes
    offset: int
    length: int


@dataclass(eq=False, slots=True)
class Slab:
    """A buffer of new plaintext and the chunks in it, in order of offset.

    Attributes:
        type: the type of pack its chunks belong into.
    """

    view: memoryview = field(repr=False)
    type: ObjectType = ObjectType.CONTENT_PACK
    pieces: list[Piece] = field(default_factory=list, repr=False)


def slabs_for(workers: int) -> int:
    """How many slabs keep `workers` threads each of compress and encrypt busy: theirs, one being read and one waiting.

    Each is 8 MiB of memory. With two workers more than six make a backup no faster.
    """
    return 2 * workers + 2


class SlabPool:
    """At most `count` slabs; `acquire` waits until one comes back."""

    def __init__(self, cancelled: Cancelled, count: int, size: int = SLAB_SIZE) -> None:
        expect_churn()
        self.size = size
        self._cancelled = cancelled
        self._left = count
        self._free: list[Slab] = []
        self._closed = False
        self._changed = threading.Condition()

    def acquire(self, kind: ObjectType) -> Slab:
        """An empty slab. Raises `CancelledError` when the run is cancelled or the pool closed meanwhile."""
        with self._changed:
            while not self._free and not self._left:
                if self._closed or self._cancelled():
                    raise CancelledError("run was cancelled while it waited for a slab")
                self._changed.wait(_WAIT_SECONDS)
            if self._free:
                slab = self._free.pop()
            else:
                self._left -= 1
                slab = Slab(memoryview(mmap.mmap(-1, self.size)))
            slab.type = kind
            slab.pieces = []
            return slab

    def release(self, slab: Slab) -> None:
        """Give a slab back; its content may be overwritten from now on."""
        with self._changed:
            if not self._closed:
                self._free.append(slab)
            self._changed.notify()

    def close(self) -> None:
        """Let nobody wait for a slab any more, and give the memory of those that came back to the system."""
        with self._changed:
            self._closed = True
            self._free.clear()
            self._changed.notify_all()

    @contextmanager
    def lent(self, kind: ObjectType) -> Iterator[Slab]:
        """A slab for the length of a `with` block."""
        slab = self.acquire(kind)
        try:
            yield slab
        finally:
            self.release(slab)
