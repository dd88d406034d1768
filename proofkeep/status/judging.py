"""From history, journals and repository to the status of each entry; pure but for the reading."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from proofkeep.errors import CancelledError, ProofkeepError
from proofkeep.history import BACKUP, DRILL, Attempt, History, KnownEntry
from proofkeep.repository import Repository
from proofkeep.snapshots import CommittedSnapshot, list_snapshots
from proofkeep.status.report import EntryStatus, StatusReport, whole_seconds
from proofkeep.unfinished import UnfinishedRun, all_unfinished_runs

Newest = Mapping[str, CommittedSnapshot]
"""The newest complete snapshot of each entry that has one, by the entry's name."""

_CLOCKS_DIFFER_NS = 3600 * 10**9


def newest_complete(repository: Repository, names: Iterable[str], now_ns: int) -> dict[str, CommittedSnapshot]:
    """By source instant, of each of these entries; a snapshot from the future says nothing and is passed over.

    Raises:
        StoreError, TransportError: the records cannot be read.
    """
    found: dict[str, CommittedSnapshot] = {}
    for name in dict.fromkeys(names):
        snapshots, _ = list_snapshots(repository, repository.keys.entry_id(name))
        latest = now_ns + _CLOCKS_DIFFER_NS
        whole = [each for each in snapshots if each.facts.complete and each.facts.source_at <= latest]
        if whole:
            found[name] = whole[-1]
    return found


def judge(
    root: Path,
    history: History,
    known: Sequence[KnownEntry],
    newest: Mapping[str, Newest],
    now_ns: int,
    unreachable: ProofkeepError | None = None,
) -> StatusReport:
    """The status of all `known` entries and of what lies in the state directory `root`.

    Args:
        newest: what was read of each place that was asked; for others only the history tells.
    """
    attempts = {place: history.attempts(place) for place in {entry.place for entry in known}}
    entries = [_judged(entry, attempts[entry.place], newest.get(entry.place), now_ns) for entry in known]
    verified = {each.known.name: each.verified_at or 0 for each in entries}
    runs = all_unfinished_runs(root)
    left = [run for run in runs if _wants_somebody(run, verified)]
    return StatusReport(entries, left, [run for run in runs if run.abandoned and run.remains], unreachable)


def _judged(entry: KnownEntry, of_place: list[Attempt], asked: Newest | None, now_ns: int) -> EntryStatus:
    mine = [each for each in of_place if not each.entries or entry.name in each.entries]
    newest = None if asked is None else asked.get(entry.name)
    if asked is None:  # what this host remembers may be gone from the repository, and counts only while it is silent
        instants = [each.source_at for each in mine if each.verb == BACKUP and not each.failed and each.source_at]
    else:
        instants = [newest.facts.source_at] if newest else []
    verified_at = max((each for each in instants if each <= now_ns + _CLOCKS_DIFFER_NS), default=None)
    drills = [each for each in mine if each.verb == DRILL and each.code is not None and not _is_nothing(each)]
    under_way = [each for each in mine if each.verb == BACKUP and each.code is None]
    return EntryStatus(
        entry,
        verified_at,
        newest.id.short if newest else None,
        None if verified_at is None else whole_seconds(now_ns, verified_at),
        under_way[-1] if under_way else None,
        drills[-1] if drills else None,
        open_failures(mine, newest),
    )


def open_failures(attempts: Sequence[Attempt], newest: CommittedSnapshot | None) -> list[Attempt]:
    """Those of one entry's attempts that failed and that nothing closed since; of one run, only its last.

    Args:
        newest: the entry's newest complete snapshot by source instant, whoever made it.
    """
    found: dict[tuple[str, str], Attempt] = {}
    for failure in attempts:
        if failure.failed and not _is_nothing(failure) and not _closed(failure, attempts, newest):
            found[failure.verb, failure.run] = failure
    return list(found.values())


def _is_nothing(attempt: Attempt) -> bool:
    """A verify or drill that somebody cancelled proved nothing, and says nothing against anything."""
    return attempt.verb != BACKUP and attempt.code == CancelledError.code


def _closed(failure: Attempt, attempts: Sequence[Attempt], newest: CommittedSnapshot | None) -> bool:
    """Whether a later success made it good: for backups, of the same run or of an instant that is not older."""
    later = [each for each in attempts if each.verb == failure.verb and each.code == "" and each.at > failure.at]
    if failure.verb != BACKUP:
        return any(_covers(each, failure) for each in later)
    if newest is not None and newest.id.run.hex() != failure.run and newest.facts.source_at >= failure.began:
        return True
    return any(each.run == failure.run or (each.source_at or 0) >= failure.began for each in later)


def _covers(success: Attempt, failure: Attempt) -> bool:
    if not success.entries:
        return True
    return bool(failure.entries) and set(failure.entries) <= set(success.entries)


def _wants_somebody(run: UnfinishedRun, verified: Mapping[str, int]) -> bool:
    """Whether something waits in it that nobody works on."""
    if run.live or run.abandoned:
        return False
    if run.damaged or run.holds_packs or run.spool_bytes:
        return True
    return run.ended and (run.source_at or 0) > verified.get(run.name or "", 0)
