"""What a host remembers, and what its repository says to that."""

from collections.abc import Callable, Sequence
from pathlib import Path

from proofkeep.attempts import KnownEntry
from proofkeep.errors import ProofkeepError
from proofkeep.format.names import SnapshotId
from proofkeep.history import History
from proofkeep.ports import Progress
from proofkeep.progress import silent
from proofkeep.repository import Repository
from proofkeep.status.judging import Newest, judge, newest_complete
from proofkeep.status.report import StatusReport


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
    known = {(entry.place, entry.name): entry for entry in (*history.entries(), *configured)}
    listed = sorted(known.values(), key=lambda entry: (entry.name, entry.place))
    newest: dict[str, Newest] = {}
    committed: list[SnapshotId] = []
    unreachable = None
    try:
        names = [entry.name for entry in listed if entry.place == place]
        newest[place] = newest_complete(connect(), names, now_ns, progress, committed.append)
    except ProofkeepError as error:
        unreachable = error
    return judge(root, history, listed, newest, now_ns, unreachable, place, drilled, committed)
