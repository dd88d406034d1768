"""Another process of this host sends what waits of a run's entry: it is waited for, and nothing is sealed again."""

import math
from contextlib import suppress
from typing import TYPE_CHECKING

from proofkeep import events
from proofkeep.backup.underway import SENT_ELSEWHERE
from proofkeep.errors import JournalBusyError
from proofkeep.journal import JOURNAL
from proofkeep.model import Finding
from proofkeep.progress import in_units
from proofkeep.state import locked
from proofkeep.unfinished import UnfinishedRun, looked_at
from proofkeep.unfinished.sending import sent_for

if TYPE_CHECKING:
    from proofkeep.backup.run import Backup

LIMIT_SECONDS = 900.0
"""Without a change in the other's journal: a pack of 32 MiB takes five minutes at 1 Mbit/s, and a turn to commit may
take as long as this. While packs arrive there is no limit; sending them itself would take the run no less."""

_TOLD_AFTER_SECONDS = 5.0


def after_sender(run: "Backup", left: UnfinishedRun) -> UnfinishedRun | None:
    """What is left of a run once the process that sends it has ended; None where nothing is.

    One that stands still, or reads its source by now, is a finding of `run`, and nothing is left of it.

    Raises:
        CancelledError: `run` was cancelled while it waited.
    """
    while True:
        ended = _has_ended(run, left)
        again = looked_at(left.repository, left.folder)
        if again is None or not again.live:
            return again
        if not ended:
            break
        # Somebody else was quicker: another sender, or one who only looks.
    held = f"another process works on it; this run did not count on the {in_units(again.spool_bytes)} in its spool"
    run.findings.append(Finding(JournalBusyError.code, f"run {left.run}", held))
    return None


def _has_ended(run: "Backup", left: UnfinishedRun) -> bool:
    try:
        with locked(left.folder / "lock", patience=math.inf, meanwhile=_Wait(run, left)):
            return True
    except JournalBusyError:
        return False


class _Wait:
    """Shows a wait while it lasts, makes one event of it, and ends it where it leads nowhere."""

    def __init__(self, run: "Backup", left: UnfinishedRun) -> None:
        self._run = run
        self._left = left
        self._told = False
        self._changed = 0
        self._since = 0.0

    def __call__(self, seconds: float) -> None:
        self._run.underway.waits(seconds, SENT_ELSEWHERE)
        entry, process = sent_for(self._left.folder)
        if (changed := self._last_change()) != self._changed:
            self._changed, self._since = changed, seconds
        if entry != self._run.entry.hex() or seconds - self._since >= LIMIT_SECONDS:
            raise JournalBusyError(f"another process works on {self._left.run}")
        if not self._told and seconds >= _TOLD_AFTER_SECONDS:
            self._told = True
            waits_for = f"the process that sends run {self._left.run}"
            events.emit("run-waits", run=self._run.identity.run.hex(), waits_for=waits_for, process=process)

    def _last_change(self) -> int:
        """Of the journal or its log, in ns."""
        last = 0
        for file in self._left.folder.glob(f"{JOURNAL}*"):
            with suppress(FileNotFoundError):  # the log goes with who wrote it
                last = max(last, file.stat().st_mtime_ns)
        return last
