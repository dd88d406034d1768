"""Give up what an abandoned run left in this host's spool."""

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from proofkeep import events
from proofkeep.errors import StateDamagedError, StateFullError, UsageError
from proofkeep.journal import Journal
from proofkeep.state import locked, require_owner, run_id, telling
from proofkeep.unfinished.runs import ABANDONED, BEGAN, opened, spool_size, unreadable


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
        damaged: the journal was gone or could not be read: none of this is known but `freed`; the folder is gone.
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


def abandon(root: Path, run: str, clock: Callable[[], int] = time.time_ns) -> GivenUp:
    """Give up a run of the state directory `root`. May be repeated.

    Args:
        run: its id, as `run_id` takes it.

    Raises:
        UsageError: that is no id, this host has no such run, or its snapshot is committed.
        JournalBusyError: it is live.
        StateOwnerError: the state directory is another user's.
    """
    run = run_id(run).hex()
    require_owner(root)
    folder = next(iter(sorted(root.glob(f"*/runs/{run}"))), None)
    if folder is None:
        raise UsageError(f"run {run} has no journal on this host")
    with locked(folder / "lock"):
        freed = spool_size(folder)
        try:
            given_up = _noted(folder, freed, clock())
        except StateDamagedError:
            given_up = GivenUp(run, None, 0, 0, 0, 0, freed, ended=False, damaged=True)
        with telling():
            _empty(folder, whole=given_up.damaged)
    events.emit("run-abandoned", run=run, packs=given_up.packs, freed=freed)
    return given_up


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
    """Remove the spool's files, or the folder with everything in it."""
    if whole:
        shutil.rmtree(folder)
        return
    for file in (folder / "spool").glob("*"):
        file.unlink(missing_ok=True)
