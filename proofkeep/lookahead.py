"""Work ahead of a consumer in bounded steps: what keeps both cores busy behind plain generators.

Order is kept, at most `depth` results wait, and closing the generator ends the threads it started. They run in copies
of their caller's context, so that what they log carries its ids.
"""

import queue
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from typing import Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")

_WAIT_SECONDS = 0.2
_JOIN_SECONDS = 5.0


class _End:
    """Behind the last item, with the error that ended the producer, if any."""

    def __init__(self, error: BaseException | None) -> None:
        self.error = error


class _Handover(Generic[T]):
    """A bounded queue between one producer thread and one consumer, which may stop listening."""

    def __init__(self, depth: int) -> None:
        self._waiting: queue.Queue[T | _End] = queue.Queue(depth)
        self.stopped = threading.Event()

    def offer(self, item: T | _End) -> bool:
        """Hand over, waiting for room; False once the consumer has stopped."""
        while not self.stopped.is_set():
            try:
                self._waiting.put(item, timeout=_WAIT_SECONDS)
            except queue.Full:
                continue
            return True
        return False

    def take(self) -> T | _End:
        """The next item."""
        return self._waiting.get()

    def produce(self, items: Iterable[T]) -> None:
        """Offer all items and then the end; runs in the producer's thread."""
        end = _End(None)
        try:
            for item in items:
                if not self.offer(item):
                    break
        except BaseException as error:  # noqa: BLE001 - carried to the consumer and raised there
            end = _End(error)
        finally:
            try:
                close(items)
            finally:
                self.offer(end)


def close(items: Iterable[object]) -> None:
    """End a generator where it stands; nothing for what is none."""
    if isinstance(items, Generator):
        items.close()


def read_ahead(
    items: Iterable[T], depth: int, *, on_stop: Callable[[], None] = lambda: None
) -> Generator[T, None, None]:
    """Produce `items` in a thread of its own, at most `depth` ahead; its errors are raised here, in their place.

    `on_stop` is called when nobody listens any more; it ends whatever else the producer may wait for.
    """
    handover: _Handover[T] = _Handover(depth)
    thread = threading.Thread(target=copy_context().run, args=(handover.produce, items), name="read-ahead", daemon=True)
    thread.start()
    try:
        while True:
            item = handover.take()
            if isinstance(item, _End):
                if item.error is not None:
                    raise item.error
                return
            yield item
    finally:
        handover.stopped.set()
        on_stop()
        thread.join(_JOIN_SECONDS)


def parallel_map(
    function: Callable[[T], R], items: Iterator[T], *, workers: int, depth: int
) -> Generator[R, None, None]:
    """`map(function, items)` in order, on `workers` threads, at most `depth` items taken ahead of the consumer."""
    pending: deque[Future[R]] = deque()
    pool = ThreadPoolExecutor(workers, thread_name_prefix="stage")
    try:
        for item in items:
            pending.append(pool.submit(copy_context().run, function, item))
            while len(pending) >= depth or (pending and pending[0].done()):
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        for future in pending:
            future.cancel()
        pool.shutdown(wait=True)
        close(items)
