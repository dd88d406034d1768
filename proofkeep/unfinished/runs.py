"""What lies in the journals and spools of runs that ended without a snapshot."""

from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from proofkeep import events
from proofkeep.errors import JournalBusyError, ProofkeepError, StateDamagedError, StateFullError
from proofkeep.journal import JOURNAL, Journal
from proofkeep.state import RepositoryState, locked
from proofkeep.unfinished.sending import sent_for

BEGAN = "began"
"""Fact: name of the inventory entry, and the orchestrator's id of the run."""
ADOPTED = "adopted"
"""Fact: all packs that the run had sealed are named by index and ledger."""
ABANDONED = "abandoned"
"""Fact: somebody gave up what had not arrived; the run is not to go on. Counts what of that was sent."""

OF_NO_PACK = "of no pack that waits: the entry's next run gives the space back"
"""Of bytes in the spool of a run that was cut, in its first pack or before it had removed what was proven."""
STAYS = "they stay in the store, where no reader sees them; a backup host may not delete there, and no command does"
"""What becomes of packs that were sent and given up."""
KNOWN_ELSEWHERE = "snapshot {} is committed, which its journal does not know: was the state directory put back?"
"""Of a run whose packs are not lost with its folder."""

GLANCE_SECONDS = 2.0
"""For so long who opens a run waits for somebody who only looks at it, which takes milliseconds."""


@dataclass(frozen=True, slots=True)
class UnfinishedRun:
    """One run's folder, as nobody worked on it.

    Attributes:
        repository, run, entry: hex; `entry` is the keyed id, empty where the journal does not tell it.
        name: of the inventory entry; None in journals of older versions.
        live: a process works on it; nothing more is known of it then but `spool_bytes` and `sent_for`.
        sent_for: the entry, hex, for which that process only sends what was sealed; empty where it may seal more.
        damaged: its journal is gone or cannot be read; nothing more is known of it then but `spool_bytes`.
        waiting, waiting_bytes: packs that were not proven in the store yet.
        sent: of these, packs that the store took.
        stored, stored_bytes: packs that were, and that no index names.
        ended: everything is sealed, the manifest too: what is missing is sending and the commit.
        missing: as `Journal.missing` has it.
        records: names of snapshot records that its journal holds, committed or withdrawn.
        snapshot: a complete one of it that the repository holds and the journal does not know; only who asked both
            can tell.
        remains, remains_bytes: packs that were sent and given up before they were proven: they may lie in the store.
        source_at: instant of the source in ns, where it began to read.
    """

    repository: str
    run: str
    folder: Path
    live: bool = False
    sent_for: str = ""
    damaged: bool = False
    entry: str = ""
    name: str | None = None
    orchestrator: str | None = None
    waiting: int = 0
    waiting_bytes: int = 0
    sent: int = 0
    stored: int = 0
    stored_bytes: int = 0
    spool_bytes: int = 0
    ended: bool = False
    missing: dict[str, int] = field(default_factory=dict)
    records: frozenset[str] = frozenset()
    snapshot: str | None = None
    adopted: bool = False
    abandoned: bool = False
    remains: int = 0
    remains_bytes: int = 0
    source_at: int | None = None
    expires_ns: int | None = None

    @property
    def holds_packs(self) -> bool:
        """Whether sealed packs would be lost with it."""
        return self.waiting + self.stored > 0

    @property
    def holds_rests(self) -> bool:
        """Whether what lies in its spool is of no pack that waits: it was cut in its first one, or proven since."""
        return self.spool_bytes > 0 and not self.holds_packs

    def require_readable(self) -> None:
        """Raise `StateDamagedError` where it is `damaged`."""
        if self.damaged:
            raise unreadable(self.run)


def unfinished_runs(state: RepositoryState) -> list[UnfinishedRun]:
    """Of one repository, in the order of their ids; without those whose snapshot, complete or not, is committed."""
    return list(_unfinished(state.path))


def all_unfinished_runs(root: Path) -> list[UnfinishedRun]:
    """Of every repository in a state directory."""
    return [run for runs in sorted(root.glob("*/runs")) for run in _unfinished(runs.parent)]


def _unfinished(repository: Path) -> Iterator[UnfinishedRun]:
    for folder in sorted(repository.glob("runs/*/")):
        found = looked_at(repository.name, folder)
        if found is not None:
            yield found


def looked_at(repository: str, folder: Path) -> UnfinishedRun | None:
    """What lies in one folder of `repository`, hex; None without a journal, or with a committed snapshot."""
    run, spool_bytes = folder.name, spool_size(folder)
    try:
        with locked(folder / "lock"), opened(folder) as journal:
            if journal is None:
                return None
            if journal.fact("committed") is not None:
                return None
            return _described(repository, folder, journal, spool_bytes)
    except JournalBusyError:
        entry, _ = sent_for(folder)
        return UnfinishedRun(repository, run, folder, live=True, sent_for=entry, spool_bytes=spool_bytes)
    except ProofkeepError as error:
        if isinstance(error, StateFullError) and not spool_bytes:
            return None  # there is no room for its tables: nothing was ever journaled
        events.emit("journal-unreadable", outcome="failure", run=run, code=error.code)
        return UnfinishedRun(repository, run, folder, damaged=True, spool_bytes=spool_bytes)


@contextmanager
def opened(folder: Path) -> Iterator[Journal | None]:
    """The journal of a run that nobody works on; None where it has none, and nothing lies in its spool either.

    Raises:
        StateDamagedError: it cannot be read, or is gone or empty although something lies in the spool.
    """
    if not (folder / JOURNAL).exists():  # opening it would make it
        if spool_size(folder):
            raise unreadable(folder.name)
        yield None
        return
    with closing(Journal(folder / JOURNAL, briefly=True)) as journal:
        if journal.fact("entry") is None and spool_size(folder):  # a run notes it before it seals anything
            raise unreadable(folder.name)
        yield journal


def unreadable(run: str) -> StateDamagedError:
    """The error for whoever needs what such a journal knew."""
    return StateDamagedError(f"journal of run {run} is gone or cannot be read, nothing in its spool can be sent")


def _described(repository: str, folder: Path, journal: Journal, spool_bytes: int) -> UnfinishedRun:
    began: dict[str, Any] = journal.fact(BEGAN) or {}
    abandoned: dict[str, Any] | None = journal.fact(ABANDONED)
    waiting: list[int] = []
    sent = 0
    stored: list[int] = []
    for pack in journal.packs():  # one by one: a row that rotted is to be met
        if pack.verified is None:
            waiting.append(pack.size)
            sent += pack.sent is not None
        elif not pack.indexed:
            stored.append(pack.size)
    return UnfinishedRun(
        repository,
        folder.name,
        folder,
        entry=journal.fact("entry") or "",
        name=began.get("entry"),
        orchestrator=began.get("orchestrator"),
        waiting=len(waiting),
        waiting_bytes=sum(waiting),
        sent=sent,
        stored=len(stored),
        stored_bytes=sum(stored),
        spool_bytes=spool_bytes,
        ended=journal.end is not None,
        missing=journal.missing,
        records=frozenset(each.name for each in journal.objects("kind='record'")),
        adopted=journal.fact(ADOPTED) is not None,
        abandoned=abandoned is not None,
        remains=(abandoned or {}).get("remains", 0),
        remains_bytes=(abandoned or {}).get("remains_bytes", 0),
        source_at=journal.fact("source_at"),
        expires_ns=journal.fact("expires_ns"),
    )


def spool_size(folder: Path) -> int:
    """Bytes in a run's spool; files may go while they are counted."""
    total = 0
    for file in (folder / "spool").glob("*"):
        with suppress(FileNotFoundError):
            total += file.stat().st_size
    return total
