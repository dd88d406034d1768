"""Send what waits in this host's spool without touching the source, and commit what only had to be sent."""

from collections.abc import Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path

from proofkeep.backup.adopt import LeftRun
from proofkeep.backup.adopted import Adopted
from proofkeep.backup.commit import CommitReceipt, partial_of
from proofkeep.backup.confirm import RETIRED
from proofkeep.backup.later import later_snapshot
from proofkeep.backup.retrying import Pause, retry
from proofkeep.errors import (
    JournalBusyError,
    PackMissingError,
    PackRetiredError,
    ProofkeepError,
    UsageError,
)
from proofkeep.journal import JOURNAL, Journal
from proofkeep.progress import counted
from proofkeep.state import RepositoryState
from proofkeep.unfinished import ABANDONED, BEGAN, UnfinishedRun, unfinished_runs


@dataclass(frozen=True, slots=True)
class Resumed:
    """What came of one run that waited.

    Attributes:
        taken_up: its packs as the entry's next run counts on them; None where it was committed.
        committed: its snapshot, of its own instant; None where the source has to be read (again).
        sent: packs that were sent just now, and are in the store.
        missing: as `Journal.missing` has it: its source was read to its end, and it cannot be committed without them.
        abandoned: somebody gave it up; what had arrived before is all that is left of it.
        later: a complete snapshot of its entry whose source was read after its own, where nothing of the run waited.
    """

    run: str
    entry: str
    sent: int
    taken_up: Adopted | None
    committed: CommitReceipt | None
    missing: dict[str, int] = field(default_factory=dict)
    abandoned: bool = False
    later: str | None = None

    @property
    def failure(self) -> ProofkeepError | None:
        """What its snapshot still lacks; None where it is complete, or where none is missed."""
        if self.committed is not None:
            return partial_of(self.committed)
        if self.abandoned or self.later or not self.missing:
            return None
        kind = PackRetiredError if set(self.missing) == {RETIRED} else PackMissingError
        return kind(f"run {self.run} has no snapshot, {self._why}")

    @property
    def lacking(self) -> ProofkeepError | None:
        """Why a run that was to be committed has no snapshot; nothing that ended like this closes its failure."""
        return None if self.committed else PackMissingError(f"run {self.run} has no snapshot, {self._why}")

    @property
    def instead(self) -> str:
        """Why there is no snapshot, and what stands for it: a later one, or what the entry's next run counts on."""
        if self.later is not None:
            return f"no snapshot of its own: snapshot {self.later}, complete, is of a later instant; nothing waits"
        packs = 0 if self.taken_up is None else self.taken_up.packs
        return f"no snapshot: {self._why}; the entry's next run counts on {counted(packs, 'pack')}"

    @property
    def _why(self) -> str:
        if self.abandoned:
            return "it was given up"
        if self.missing:
            gone = ", ".join(f"packs {what}: {number:,}" for what, number in self.missing.items())
            return f"its source has to be read again, {gone}"
        lost = 0 if self.taken_up is None else self.taken_up.lost
        return "its source was not read to its end" + (f", packs gone: {lost:,}" if lost else "")


def committed_before(state: RepositoryState, runs: Sequence[str]) -> list[Resumed]:
    """Of the runs that are named, those whose snapshot is committed, complete or not: nothing of them waits."""
    folders = {folder.name: folder for folder in state.runs.glob("*")}
    found = [_committed(folders[run]) for run in dict.fromkeys(runs) if run in folders]
    return [done for done in found if done is not None]


def _committed(folder: Path) -> Resumed | None:
    """None where it has no snapshot, or where its journal is missing or cannot be read."""
    file = folder / JOURNAL
    if not file.exists():  # opening it would make it
        return None
    with suppress(ProofkeepError), closing(Journal(file)) as journal:
        if (fact := journal.fact("committed")) is not None:
            receipt = CommitReceipt(**fact)
            entry = (journal.fact(BEGAN) or {}).get("entry") or receipt.entry
            return Resumed(folder.name, entry, 0, None, receipt)
    return None


def resumable(state: RepositoryState, runs: Sequence[str] = (), earlier: Sequence[str] = ()) -> list[UnfinishedRun]:
    """The runs that are named, but for those of `committed_before`; without names, all that wait and are not live.

    Among them are those whose journal is gone or cannot be read, which nobody can send.

    Args:
        earlier: what was resumed before without names: of these also what had to be read again, and was not.

    Raises:
        UsageError: one is not on this host, was abandoned, or its journal does not say its entry.
        JournalBusyError: one that is named is live.
    """
    found = {left.run: left for left in unfinished_runs(state)}
    if not runs:
        return [left for left in found.values() if _waits(left) or (left.run in earlier and left.missing)]
    done = {each.run for each in committed_before(state, [run for run in runs if run not in found])}
    wanted = [run for run in dict.fromkeys(runs) if run not in done]
    for run in wanted:
        _refuse(run, found.get(run))
    return [found[run] for run in wanted]


def _waits(left: UnfinishedRun) -> bool:
    if left.damaged or left.name is None:
        return left.damaged
    return left.holds_packs or left.holds_rests or (left.ended and not left.adopted)


def _refuse(run: str, left: UnfinishedRun | None) -> None:
    if left is None:
        raise UsageError(f"run {run} has nothing on this host that was not committed")
    if left.live:
        raise JournalBusyError(f"another process works on {run}")
    if left.name is None and not left.damaged:  # of one whose journal is gone, whoever opens it says so
        raise UsageError(f"journal of run {run} does not tell its entry, whose next run takes it up")
    if left.abandoned and not left.holds_packs:
        raise UsageError(f"run {run} was abandoned, nothing is left to send")


def resume(run: LeftRun, pause: Pause | None = None) -> Resumed:
    """Send and prove all it sealed; then commit, or hand it to the entry's next run where that cannot be.

    What keeps it from its commit is in the journal, for whoever asks again.

    Raises:
        StoreError, TransportError: of the kind met; what was sent stays sent.
        IntegrityError, StateError: journal or chain do not hold.
    """
    identity = run.identity
    sent = run.send_all(pause)
    unread = run.needs_sealing
    receipt = None if unread else _commit(run, pause)
    taken_up = run.take_up(pause) if receipt is None else None
    if receipt is None and run.recognised is not None and not run.recognised.complete:
        receipt = run.recognised
    missing, abandoned = run.journal.missing, run.journal.fact(ABANDONED) is not None
    moved = sent or taken_up is None or taken_up.lost
    settled = unread and receipt is None and not (moved or abandoned)
    later = retry(lambda: later_snapshot(run), pause) if settled else None
    return Resumed(identity.run.hex(), identity.entry, sent, taken_up, receipt, missing, abandoned, later)


def _commit(run: LeftRun, pause: Pause | None) -> CommitReceipt | None:
    """None where a pack is gone, so that its chunks have to be read again."""
    try:
        return retry(run.commit, pause)
    except (PackMissingError, PackRetiredError):
        return None
