"""A limit on what is sent to an object store: one token bucket for everyone in the process who sends there."""

import functools
import os
import threading
import time
from collections.abc import Callable

from proofkeep.ports import Watch
from proofkeep.stores.bodies import MemoryStream, Readable

BURST_SECONDS = 0.25  # of unused time are saved up, so that a sender's small delays cost no throughput
_GLANCE_SECONDS = 0.2
_PART = 16 << 10  # bytes that go at once: eight senders at the lowest rate still send something every two seconds


class Bandwidth:
    """So many bytes a second, in the order in which they are asked for. Safe to use from several threads.

    Args:
        rate: bytes a second.
        clock: seconds that only grow.
        sleep: waits for so many seconds.
    """

    def __init__(
        self,
        rate: float,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self._rate = rate
        self._clock = clock
        self._sleep = sleep
        self._lock = threading.Lock()
        self._paid_until = clock()

    def take(self, size: int, glance: Callable[[], object]) -> None:
        """Wait until everything taken before is paid for, then take `size` bytes.

        Args:
            glance: called now and then meanwhile; what it raises ends the wait.
        """
        with self._lock:
            start = max(self._paid_until, self._clock() - BURST_SECONDS)
            self._paid_until = start + size / self._rate
        while (left := start - self._clock()) > 0:
            glance()
            self._sleep(min(left, _GLANCE_SECONDS))


@functools.cache
def shared(place: str, rate: int) -> Bandwidth:  # noqa: ARG001 - a place is told from another by it
    """The one bucket of this process for a place that is sent to at `rate` bytes a second."""
    return Bandwidth(rate)


def paced(body: bytes | Readable, bandwidth: Bandwidth | None, watch: Watch) -> "bytes | Paced":
    """The body so that it is read no faster than `bandwidth` allows, and watched.

    Args:
        bandwidth: None for as fast as it goes; bytes in memory then stay what they are and travel with the headers.
    """
    if not isinstance(body, bytes):
        return Paced(body, bandwidth, watch)
    return body if bandwidth is None else Paced(MemoryStream(memoryview(body)), bandwidth, watch)


class Paced:
    """A body on its way, otherwise what it was."""

    def __init__(self, body: Readable, bandwidth: Bandwidth | None, watch: Watch) -> None:
        self._body = body
        self._bandwidth = bandwidth
        self._watch = watch

    def read(self, size: int = -1, /) -> bytes | memoryview:
        """The next `size` bytes, fewer at the end. Raises what watching raises."""
        position = self._body.tell()
        self._watch(position)
        if self._bandwidth is None:
            return self._body.read(size)
        piece = self._body.read(min(size, _PART) if size > 0 else size)
        self._bandwidth.take(len(piece), lambda: self._watch(position))
        return piece

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """Go to a position, as before a second attempt."""
        return self._body.seek(offset, whence)

    def tell(self) -> int:
        """The position."""
        return self._body.tell()
