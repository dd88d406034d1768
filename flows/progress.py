"""The progress artifact of a running flow. Counts only; the flow's body shows what the engine's threads report."""

import threading
import time
from typing import cast
from uuid import UUID

import httpx
from prefect.artifacts import create_progress_artifact, update_progress_artifact
from prefect.context import SettingsContext, get_settings_context
from prefect.settings import PREFECT_CLIENT_MAX_RETRIES

from proofkeep import events
from proofkeep.backup.underway import SENT_ELSEWHERE, WAITS
from proofkeep.pace import Pace, share_of
from proofkeep.ports import Progress
from proofkeep.progress import counted, in_units

_EVERY_SECONDS = 5.0  # an update is work for the server too, in a small installation on the same cores
_QUIET_SECONDS = 30.0
"""How long nothing is shown to a server that did not take it."""
_FULL = 100.0
_READ_SHARE = 70.0  # percent of a backup's bar that reading the source fills, while it is known how much there is
_SENT_SHARE = 29.0  # the last one is the commit
_UNITS = ("packs", "keys", "files", "entries", "objects", "snapshots", "seconds")
_OF_THE_BODY = frozenset({"refresh", "list", WAITS, SENT_ELSEWHERE})
"""What a flow's body does itself, before there is a task to look at."""

watchers: list[Progress] = []
"""Told every count too: a program that calls flows in its own process adds what it shows its user."""


class RunProgress:
    """What a run has done so far. Called by engine threads as their `Progress`; the rest belongs to the flow's body.

    Attributes:
        latest: the step that told its counts last.
    """

    def __init__(self, words: str) -> None:
        """Show an empty bar with `words`."""
        self._steps: dict[str, dict[str, int]] = {}
        self._paces: dict[str, Pace] = {}
        self.latest = ""
        self._lock = threading.Lock()
        self._body = threading.get_ident()
        self._show_at = 0.0
        self._artifact = cast("UUID", create_progress_artifact(0.0, description=words))
        self._profile = get_settings_context().profile
        # Made once: a copy reads every settings file again, 60 ms of the interpreter's lock.
        self._asked_once = get_settings_context().settings.copy_with_update({PREFECT_CLIENT_MAX_RETRIES: 0})

    def __call__(self, step: str, **counts: int) -> None:
        """Take running totals."""
        with self._lock:
            self._steps[step] = counts
            self.latest = step
        for watcher in watchers:
            watcher(step, **counts)
        if step in _OF_THE_BODY and threading.get_ident() == self._body:
            self.show(0.0, self.said(step))

    def of(self, step: str) -> dict[str, int]:
        """The totals of one step now."""
        with self._lock:
            return dict(self._steps.get(step, {}))

    def said(self, step: str) -> str:
        """A step's counts and pace in general words: `commit: 1,200 packs, 8.0 MiB`."""
        counts = self.of(step)
        parts = [f"{counts[unit]:,} {unit}" for unit in _UNITS if counts.get(unit)]
        if size := counts.get("bytes"):
            parts.append(in_units(size))
        return f"{step}: {', '.join(parts)}{self.pace(step)}"

    def pace(self, step: str, **known: int) -> str:
        """How fast a step goes and how long it will take: `, 12.3 MiB/s, 4m10s left`, or nothing while that is unknown.

        Args:
            known: counts that the step itself does not tell, such as `total_bytes`.
        """
        pace = self._paces.setdefault(step, Pace())
        if counts := self.of(step):
            pace.note(counts | known)
        words = pace.words()
        return f", {words}" if words else ""

    def show(self, share: float, words: str) -> None:
        """Update bar (0 to 1) and words, if five seconds have passed since they were last."""
        now = time.monotonic()
        if now >= self._show_at:
            shown = self._update(_FULL * min(share, 1.0), words)
            self._show_at = now + (_EVERY_SECONDS if shown else _QUIET_SECONDS)

    def finish(self, words: str) -> None:
        """Fill the bar."""
        self._update(_FULL, words)

    def _update(self, percent: float, words: str) -> bool:
        """Whether the server took it. Asked once: Prefect's own retries would hold the flow's body for a minute."""
        try:
            with SettingsContext(profile=self._profile, settings=self._asked_once):
                update_progress_artifact(self._artifact, percent, description=words)
        except httpx.HTTPError as error:
            # A server that is away for a moment must not end a backup.
            events.emit("progress-not-shown", outcome="failure", kind=type(error).__name__)
            return False
        return True


class BackupProgress(RunProgress):
    """Reading fills most of the bar, sending the rest."""

    def __init__(self) -> None:
        super().__init__("reading the source")

    def show_transfers(self, closed: int, proven: int) -> None:
        """Show where the run is.

        Args:
            closed: bytes of ciphertext in transfers that were closed.
            proven: bytes of those that the store was shown to hold.
        """
        counts, sending = self.of("snapshot"), self.of("upload")
        read = share_of(counts) or 0.0
        sent = proven / closed if closed and read == 1.0 else 0.0
        words = (
            f"{counted(counts.get('files', 0), 'file')}, {in_units(counts.get('bytes', 0))}, "
            f"{in_units(counts.get('read_bytes', 0))} read, {in_units(counts.get('new_bytes', 0))} new"
            f"{self.pace('snapshot')}; {in_units(sending.get('total_bytes', closed))} sealed, "
            f"{in_units(sending.get('bytes', 0))} sent{self.pace('upload')}, {in_units(proven)} proven"
        )
        self.show((_READ_SHARE * read + _SENT_SHARE * sent) / _FULL, words)

    def show_commit(self) -> None:
        """Show how far the commit is."""
        step = self.latest if self.latest in {"learn", WAITS} else "commit"
        self.show((_READ_SHARE + _SENT_SHARE) / _FULL, self.said(step))
