"""A run that waits says why: an event, which is a line of its log too, and a progress artifact that stands still."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import copy_context
from typing import cast
from uuid import UUID

import httpx
from prefect.artifacts import create_progress_artifact, update_progress_artifact
from prefect.settings import PREFECT_CLIENT_MAX_RETRIES, temporary_settings

from proofkeep import events
from proofkeep.configuration.duration import spell_duration

WORTH_TELLING_SECONDS = 3.0

_FULL = 100.0


@contextmanager
def told_while_it_lasts(why: Callable[[], str]) -> Iterator[None]:
    """Within, the run waits for something; told if it takes more than a moment, and how long it took.

    Args:
        why: says what for, asked once.
    """
    began, wait = time.monotonic(), _Wait(why)
    telling = threading.Timer(WORTH_TELLING_SECONDS, copy_context().run, [wait.tell])
    telling.daemon = True
    telling.start()
    try:
        yield
    finally:
        telling.cancel()
        telling.join()
        wait.end(round(time.monotonic() - began))


class _Wait:
    def __init__(self, why: Callable[[], str]) -> None:
        self._why = why
        self._shown: UUID | None = None

    def tell(self) -> None:
        """A server that does not answer is asked once: it is told of nothing then, and the run waits for it anyway."""
        try:
            with temporary_settings({PREFECT_CLIENT_MAX_RETRIES: 0}):
                words = self._why()
                events.emit("run-waits", waits_for=words)
                self._shown = cast("UUID", create_progress_artifact(0.0, description=f"waits for {words}"))
        except httpx.HTTPError as error:
            events.emit("progress-not-shown", outcome="failure", kind=type(error).__name__)

    def end(self, seconds: int) -> None:
        """Fill the bar, if there is one."""
        if self._shown is None:
            return
        words = f"waited {spell_duration(seconds)}"
        events.emit("run-waited", seconds=seconds)
        try:
            with temporary_settings({PREFECT_CLIENT_MAX_RETRIES: 0}):
                update_progress_artifact(self._shown, _FULL, description=words)
        except httpx.HTTPError as error:
            events.emit("progress-not-shown", outcome="failure", kind=type(error).__name__)
