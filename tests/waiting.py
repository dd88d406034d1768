"""Waiting for what another process does."""

import time
from collections.abc import Callable

DEADLINE_SECONDS = 120
_POLL_SECONDS = 0.2


def until(question: Callable[[], bool], what: str, seconds: float = DEADLINE_SECONDS) -> None:
    """Ask until the answer is yes; `what` is said when it stays no."""
    deadline = time.monotonic() + seconds
    while not question():
        assert time.monotonic() < deadline, what
        time.sleep(_POLL_SECONDS)
