"""Give up what an abandoned run left in this host's spool."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from proofkeep import events
from proofkeep.errors import ProofkeepError, StateDamagedError, StateFullError, UsageError
from proofkeep.journal import Journal
from proofkeep.state import locked, require_owner, run_id, telling
from proofkeep.unfinished.runs import ABANDONED, BEGAN, UnfinishedRun, looked_at, opened, spool_size, unreadable

Ask = Callable[[UnfinishedRun], str | None]
"""Tells the complete snapshot that the repository holds of a run and its journal does not know; None without one."""

NOT_ASKED = (
    "the repository could not be asked: if the state directory was put back from a copy, a committed snapshot may hold "
    "what is called lost"
)
"""Of what is called lost."""


@dataclass(frozen=True, slots=True)
class GivenUp:
    """What is lost with a run, and what is not.

    Attributes:
        entry: name of the inventory entry; None where the journal does not tell.
        packs, bytes: sealed and never proven in the store; their chunks have to be read from the source again.
        unproven: of these, packs that were sent: they may lie in the store, where no reader sees them.
        kept: packs that were proven; the entry's next run counts on them.
        freed: bytes of the spool that are free again.
        ended: the source had been read to its end: a snapshot is lost that only had to be sent.
        damaged: the journal was gone or could not be read: none of this is known but `freed`; the folder is empty.
        asked: the repository said that it holds no snapshot of the run that its journal does not know.
    """

    run: str
    entry: str | None
    packs: int
    bytes: int
    unproven: int
    kept: int
    freed: int
    ended: bool
    damaged: bool = False
    asked: bool = False

    @property
    def doubtful(self) -> bool:
        """Whether what is called lost may be in a snapshot that this host has forgotten."""
        return not self.asked and (self.packs > 0 or self.ended)


def abandon(root: Path, run: str, clock: Callable[[], int] = time.time_ns, ask: Ask | None = None) -> GivenUp:
    """Give up a run of the state directory `root`. May be repeated.

    Args:
        run: its id, as `run_id` takes it.
        ask: what fails there keeps nobody from giving up.

    Raises:
        UsageError: that is no id, this host has no such run, or its snapshot is committed, as `ask` has it too.
        JournalBusyError: it is live.
        StateOwnerError: the state directory is another user's.
    """
    run = run_id(run).hex()
    require_owner(root)
    folder = next(iter(sorted(root.glob(f"*/runs/{run}"))), None)
    if folder is None:
        raise UsageError(f"run {run} has no journal on this host")
    asked = ask is not None and _asked(folder, ask)
    with locked(folder / "lock"):
        freed = spool_size(folder)
        try:
            given_up = _noted(folder, freed, clock())
        except StateDamagedError:
            given_up = GivenUp(run, None, 0, 0, 0, 0, freed, ended=False, damaged=True)
        with telling():
            _empty(folder, whole=given_up.damaged)
    events.emit("run-abandoned", run=run, packs=given_up.packs, freed=freed)
    return replace(given_up, asked=asked)


def _asked(folder: Path, ask: Ask) -> bool:
    """Whether the repository could be asked. Raises `UsageError` where it holds what would be called lost."""
    left = looked_at(folder.parents[1].name, folder)
    if left is None or left.abandoned or not left.entry:
        return False
    try:
        snapshot = ask(left)
    except ProofkeepError:
        return False
    if snapshot is not None:
        step = f"`proofkeep resume-transfers {left.run}` frees its spool"
        raise UsageError(f"run {left.run} is not given up, its snapshot {snapshot} is committed: {step}")
    return True


def _noted(folder: Path, freed: int, now_ns: int) -> GivenUp:
    """On a full disk, what is given up makes the room to note it. Were that cut short, the packs are sealed anew."""
    try:
        return _in_journal(folder, freed, now_ns)
    except StateFullError:
        with telling():
            _empty(folder, whole=False)
        return _in_journal(folder, freed, now_ns)


def _in_journal(folder: Path, freed: int, now_ns: int) -> GivenUp:
    with opened(folder) as journal:
        if journal is None:
            raise unreadable(folder.name)
        return _give_up(journal, folder.name, freed, now_ns)


def _give_up(journal: Journal, run: str, freed: int, now_ns: int) -> GivenUp:
    if journal.fact("committed") is not None:
        raise UsageError(f"run {run} has committed its snapshot, there is nothing to give up")
    lost = [pack for pack in journal.packs() if pack.verified is None]
    sent = [pack.size for pack in lost if pack.sent is not None]
    ended = journal.end is not None
    before: dict[str, int] = journal.fact(ABANDONED) or {}
    remains = before.get("remains", 0) + len(sent)
    remains_bytes = before.get("remains_bytes", 0) + sum(sent)
    with journal.transaction():
        journal.set_fact(ABANDONED, {"at_ns": now_ns, "remains": remains, "remains_bytes": remains_bytes})
        journal.reopen_without((pack.id for pack in lost), "given up")
    kept, _ = journal.size()
    return GivenUp(
        run,
        (journal.fact(BEGAN) or {}).get("entry"),
        len(lost),
        sum(pack.size for pack in lost),
        len(sent),
        kept,
        freed,
        ended,
    )


def _empty(folder: Path, *, whole: bool) -> None:
    """Remove the spool's files, or all but the lock: by its folder the host knows the run that its ledger may name."""
    files = folder.rglob("*") if whole else (folder / "spool").glob("*")
    for file in [each for each in files if each.is_file() and each.name != "lock"]:
        file.unlink(missing_ok=True)
