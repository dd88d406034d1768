"""Runs the steps of a drill one after the other; a step that fails does not keep the evidence from being written."""

import threading
from collections.abc import Callable
from typing import Any

from prefect.futures import PrefectFuture

from flows.progress import RunProgress
from flows.watching import in_thread, watched
from proofkeep.drill import StepFailure
from proofkeep.errors import CancelledError, ProofkeepError
from proofkeep.pace import share_of
from proofkeep.progress import in_units

_WORDS = {
    "draw": "drawing",
    "restore_sample": "restoring the sample",
    "spot_check": "asking the live source",
    "attack": "damaging a copy",
    "report": "writing the evidence",
}

Step = Callable[[], PrefectFuture[Any]]


class DrillSteps:
    """The bar of a drill, and the event by which the engine learns that its step is to end."""

    def __init__(self, expected: int) -> None:
        """`expected` steps fill the bar."""
        self.progress = RunProgress("connecting")
        self._expected = expected
        self._done = 0
        self._cancelled = threading.Event()

    def is_cancelled(self) -> bool:
        """Whether the step that runs now is to end."""
        return self._cancelled.is_set()

    def run(self, name: str, submit: Step) -> Any:
        """The step's receipt. Raises the step's `ProofkeepError`."""
        self._cancelled = threading.Event()
        try:
            return watched(in_thread(submit()), lambda: self._show(name), self._cancelled)
        finally:
            self._done += 1

    def attempt(self, name: str, submit: Step) -> Any:
        """The step's receipt, or its `StepFailure`. Raises `CancelledError` when the run was cancelled."""
        try:
            return self.run(name, submit)
        except CancelledError:
            raise
        except ProofkeepError as error:
            return StepFailure(name, error.code, str(error))

    def _show(self, name: str) -> None:
        step = self.progress.latest
        counts = self.progress.of(step)
        seen = [f"{counts[unit]:,} {unit}" for unit in ("files", "objects", "entries", "tests") if unit in counts]
        words = ", ".join([*seen, in_units(counts.get("bytes", 0))]) + self.progress.pace(step)
        share = (self._done + (share_of(counts) or 0.0)) / self._expected
        self.progress.show(share, f"{_WORDS[name]}: {words}")
