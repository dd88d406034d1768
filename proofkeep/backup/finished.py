"""Journals of runs that ended long ago: removed, so that the state directory does not grow for ever."""

import shutil
import time
from contextlib import closing, suppress
from pathlib import Path

from proofkeep import events
from proofkeep.errors import JournalBusyError, ProofkeepError
from proofkeep.journal import JOURNAL, Journal
from proofkeep.state import RepositoryState, locked
from proofkeep.unfinished import ABANDONED, ADOPTED

KEPT_DAYS = 30
_DAY_NS = 24 * 3600 * 10**9
_REMOVED = "removed-"


def remove_finished(state: RepositoryState) -> None:
    """Remove folders that nobody touched for 30 days, of runs with a complete snapshot or taken up or given up.

    A retry within that time finds its receipt, or its manifest. What is left to adopt, or incomplete, stays; so does
    a run that left packs in the store when it was given up: nothing else tells of them.
    Trouble with one folder is left to another day.
    """
    before = time.time_ns() - KEPT_DAYS * _DAY_NS
    for rest in state.path.glob(f"{_REMOVED}*"):
        shutil.rmtree(rest, ignore_errors=True)
    for folder in sorted(state.runs.iterdir()) if state.runs.is_dir() else ():
        with suppress(OSError, ProofkeepError):
            if (folder / JOURNAL).stat().st_mtime_ns < before:
                _remove(folder, state.path / f"{_REMOVED}{folder.name}")


def _remove(folder: Path, aside: Path) -> None:
    with suppress(JournalBusyError), locked(folder / "lock"):
        with closing(Journal(folder / JOURNAL)) as journal:
            ended = _has_ended(journal)
        if ended:
            folder.rename(aside)  # in one step: half a folder would be taken for a run's
            shutil.rmtree(aside)
            events.emit("journal-removed", run=folder.name)


def _has_ended(journal: Journal) -> bool:
    committed = journal.fact("committed")
    if committed is not None:
        return bool(committed["complete"])
    abandoned = journal.fact(ABANDONED)
    if abandoned is not None and abandoned.get("remains"):
        return False
    return (abandoned is not None or journal.fact(ADOPTED) is not None) and not any(journal.unindexed_packs())
