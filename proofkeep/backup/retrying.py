"""Repeating a durable step where no orchestrator does it."""

import random
from collections.abc import Callable
from typing import TypeVar

from proofkeep.errors import CancelledError, ProofkeepError
from proofkeep.ports import Cancelled

T = TypeVar("T")
Pause = Callable[[float], object]
"""Waits for so many seconds. Raises `CancelledError`."""

ATTEMPTS = 4
FIRST_DELAY_SECONDS = 1.0
_WAIT_SECONDS = 0.2


def pausing(wait: Callable[[float], object], cancelled: Cancelled) -> Pause:
    """A pause between attempts that ends when the run is cancelled."""

    def pause(seconds: float) -> None:
        while seconds > 0:
            if cancelled():
                raise CancelledError("run was cancelled between two attempts")
            wait(min(seconds, _WAIT_SECONDS))
            seconds -= _WAIT_SECONDS

    return pause


def retry(step: Callable[[], T], pause: Pause | None) -> T:
    """Repeat a step while its error says that this may help, with growing delays and jitter; never without `pause`."""
    for attempt in range(1, ATTEMPTS):
        if pause is None:
            break
        try:
            return step()
        except ProofkeepError as error:
            if not error.retryable:
                raise
        pause(FIRST_DELAY_SECONDS * 2 ** (attempt - 1) * random.uniform(0.5, 1.5))  # noqa: S311 - jitter, no secret
    return step()
