"""Journals of runs that ended long ago: removed, so that the state directory does not grow for ever."""

import shutil
import time
from contextlib import closing, suppress
from pathlib import Path

from proofkeep import events
from proofkeep.errors import JournalBusyError, ProofkeepError
from proofkeep.journal import Journal
from proofkeep.state import RepositoryState, locked

KEPT_DAYS = 30
_DAY_NS = 24 * 3600 * 10**9
_REMOVED = "removed-"


def remove_finished(state: RepositoryState) -> None:
    """Remove folders of runs whose complete snapshot was committed and which nobody touched for 30 days.

    A retry within that time finds its receipt. What is unfinished or incomplete stays: its retry goes on from there.
    Trouble with one folder is left to another day.
    """
    before = time.time_ns() - KEPT_DAYS * _DAY_NS
    for rest in state.path.glob(f"{_REMOVED}*"):
        shutil.rmtree(rest, ignore_errors=True)
    for folder in sorted(state.runs.iterdir()) if state.runs.is_dir() else ():
        with suppress(OSError, ProofkeepError):
            if (folder / "journal.sqlite").stat().st_mtime_ns < before:
                _remove(folder, state.path / f"{_REMOVED}{folder.name}")


def _remove(folder: Path, aside: Path) -> None:
    with suppress(JournalBusyError), locked(folder / "lock"):
        with closing(Journal(folder / "journal.sqlite")) as journal:
            committed = journal.fact("committed")
        if committed is not None and committed["complete"]:
            folder.rename(aside)  # in one step: half a folder would be taken for a run's
            shutil.rmtree(aside)
            events.emit("journal-removed", run=folder.name)
