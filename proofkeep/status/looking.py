"""What a host remembers, and what its repository says to that."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from proofkeep.attempts import KnownEntry, respelled
from proofkeep.errors import ClockError, ProofkeepError, UsageError
from proofkeep.format.names import SnapshotId
from proofkeep.history import History
from proofkeep.ports import Progress
from proofkeep.progress import silent
from proofkeep.repository import Repository
from proofkeep.repository.clock import clock_skew
from proofkeep.snapshots import list_snapshots
from proofkeep.status.judging import Newest, judge, newest_complete, told
from proofkeep.status.report import StatusReport
from proofkeep.unfinished import UnfinishedRun


def look(
    root: Path,
    history: History,
    configured: Sequence[KnownEntry],
    place: str,
    connect: Callable[[], Repository],
    now_ns: int,
    drilled: Sequence[str] = (),
    progress: Progress = silent,
) -> StatusReport:
    """The status of a host: of the configured entries, and of all that were ever backed up there.

    Args:
        root: its state directory.
        connect: to the repository at `place`; where that fails, ages are what the host remembers.
        drilled: entries of that repository that the host drills and others back up.
    """
    told = respelled([*history.entries(), *configured], [*history.places(), place])
    known = {(entry.place, entry.name): entry for entry in told}
    listed = sorted(known.values(), key=lambda entry: (entry.name, entry.place))
    newest: dict[str, Newest] = {}
    committed: list[SnapshotId] = []
    damaged: dict[KnownEntry, dict[str, str]] = defaultdict(dict)
    unreachable: ProofkeepError | None = None
    clock: ClockError | None = None

    def on_damaged(name: str, snapshot: str, code: str) -> None:
        damaged[known[place, name]][snapshot] = code

    try:
        repository = connect()
        names = [entry.name for entry in listed if entry.place == place]
        newest[place] = newest_complete(repository, names, now_ns, progress, committed.append, on_damaged)
        clock = clock_skew(repository.clocks)
    except ProofkeepError as error:
        unreachable = error
    report = judge(root, history, listed, newest, now_ns, unreachable, place, drilled, committed)
    entries = [replace(each, damaged=damaged.get(each.known, {})) for each in report.entries]
    return replace(report, entries=entries, clock=clock)


def snapshot_of(connect: Callable[[], Repository], run: UnfinishedRun) -> str | None:
    """Id of a complete snapshot that the repository holds of a run and its journal does not know; None without one.

    Raises:
        UsageError: the run is one of another repository.
        ProofkeepError: it cannot be asked.
    """
    repository = connect()
    if repository.id.hex() != run.repository:
        raise UsageError(f"run {run.run} is of another repository")
    found, _ = list_snapshots(repository, bytes.fromhex(run.entry))
    return told(run, (each.id for each in found if each.facts.complete)).snapshot
