"""The progress artifact of a running flow. Counts only; the flow's body shows what the engine's threads report."""

import threading
import time
from typing import cast
from uuid import UUID

import httpx
from prefect.artifacts import create_progress_artifact, update_progress_artifact

from proofkeep import events
from proofkeep.ports import Progress
from proofkeep.progress import in_units

_EVERY_SECONDS = 2.0
_FULL = 100.0
_READ_SHARE = 70.0  # percent of a backup's bar that reading the source fills, while it is known how much there is
_SENT_SHARE = 29.0  # the last one is the commit

watchers: list[Progress] = []
"""Told every count too: a program that calls flows in its own process adds what it shows its user."""


class RunProgress:
    """What a run has done so far. Called by engine threads as their `Progress`; the rest belongs to the flow's body."""

    def __init__(self, words: str) -> None:
        """Show an empty bar with `words`."""
        self._counts: dict[str, int] = {}
        self._lock = threading.Lock()
        self._shown_at = 0.0
        self._artifact = cast("UUID", create_progress_artifact(0.0, description=words))

    def __call__(self, step: str, **counts: int) -> None:
        """Take running totals."""
        with self._lock:
            self._counts.update(counts)
        for watcher in watchers:
            watcher(step, **counts)

    @property
    def counts(self) -> dict[str, int]:
        """The totals now."""
        with self._lock:
            return dict(self._counts)

    def show(self, share: float, words: str) -> None:
        """Update bar (0 to 1) and words, if two seconds have passed since they were last."""
        now = time.monotonic()
        if now - self._shown_at >= _EVERY_SECONDS:
            self._shown_at = now
            self._update(_FULL * min(share, 1.0), words)

    def finish(self, words: str) -> None:
        """Fill the bar."""
        self._update(_FULL, words)

    def _update(self, percent: float, words: str) -> None:
        try:
            update_progress_artifact(self._artifact, percent, description=words)
        except httpx.HTTPError as error:
            # A server that is away for a moment must not end a backup.
            events.emit("progress-not-shown", outcome="failure", kind=type(error).__name__)


class BackupProgress(RunProgress):
    """Reading fills most of the bar, sending the rest."""

    def __init__(self) -> None:
        super().__init__("reading the source")
        self._expected_files = 0

    def expect(self, files: int) -> None:
        """So many files the source held last time; 0 when nobody knows."""
        self._expected_files = files

    def show_transfers(self, closed: int, proven: int) -> None:
        """Show where the run is.

        Args:
            closed: bytes of ciphertext in transfers that were closed.
            proven: bytes of those that the store was shown to hold.
        """
        counts = self.counts
        files = counts.get("files", 0)
        read = min(files / self._expected_files, 1.0) if self._expected_files else 0.0
        sent = proven / closed if closed and read == 1.0 else 0.0
        words = (
            f"{files:,} files, {in_units(counts.get('read_bytes', 0))} read, "
            f"{in_units(counts.get('new_bytes', 0))} new; {in_units(closed)} sealed, {in_units(proven)} proven"
        )
        self.show((_READ_SHARE * read + _SENT_SHARE * sent) / _FULL, words)
