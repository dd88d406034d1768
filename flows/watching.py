"""Tasks that work in threads: wait for one, show its progress, and end it when the run ends first."""

import threading
from collections.abc import Callable
from concurrent import futures
from typing import Any, TypeVar

from prefect.futures import PrefectConcurrentFuture, PrefectFuture
from prefect.task_runners import TaskRunner, ThreadPoolTaskRunner

R = TypeVar("R")

_WAIT_SECONDS = 0.2


def threads(count: int) -> TaskRunner[PrefectFuture[Any]]:
    """A flow's task runner with at most `count` threads; Prefect's own default is as many as are asked for."""
    runner: TaskRunner[Any] = ThreadPoolTaskRunner(max_workers=count)
    return runner


def in_thread(future: PrefectFuture[R]) -> PrefectConcurrentFuture[R]:
    """The future of a task submitted to `threads`, as what it is."""
    if not isinstance(future, PrefectConcurrentFuture):
        raise AssertionError(type(future))  # noqa: TRY004 - the flows' own task runner makes no other
    return future


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
