"""Wait for a task that works in a thread, show its progress, and end it when the run ends first."""

import threading
from collections.abc import Callable
from concurrent import futures
from typing import TypeVar

from prefect.futures import PrefectConcurrentFuture

R = TypeVar("R")

_WAIT_SECONDS = 0.2


def watched(future: PrefectConcurrentFuture[R], show: Callable[[], None], cancelled: threading.Event) -> R:
    """The task's result; however this ends, the task has ended too.

    Args:
        show: called while the task works.
        cancelled: set when the run is cancelled; the engine looks at it.
    """
    working = [future.wrapped_future]
    try:
        while futures.wait(working, timeout=_WAIT_SECONDS).not_done:
            show()
        return future.result()
    finally:
        cancelled.set()
        futures.wait(working)
