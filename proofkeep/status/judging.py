"""From history, journals and repository to the status of each entry; pure but for the reading."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from pathlib import Path

from proofkeep.attempts import (
    BACKUP,
    DRILL,
    FORGOTTEN,
    NOTHING_TO_RESTORE,
    RESTORE,
    Attempt,
    KnownEntry,
    current,
)
from proofkeep.errors import CancelledError, ProofkeepError
from proofkeep.format.names import SnapshotId
from proofkeep.history import History
from proofkeep.ports import Progress
from proofkeep.progress import silent
from proofkeep.repository import Repository
from proofkeep.repository.clock import TOLERANCE_NS
from proofkeep.snapshots import CommittedSnapshot, damaged_records, list_snapshots
from proofkeep.status.report import DrilledEntry, EntryStatus, StatusReport, whole_seconds
from proofkeep.unfinished import UnfinishedRun, all_unfinished_runs

Newest = Mapping[str, CommittedSnapshot]
"""The newest complete snapshot of each entry that has one, by the entry's name."""


def newest_complete(
    repository: Repository,
    names: Iterable[str],
    now_ns: int,
    progress: Progress = silent,
    on_complete: Callable[[SnapshotId], object] = lambda _: None,
    on_damaged: Callable[[str, str, str], object] = lambda _name, _snapshot, _code: None,
) -> dict[str, CommittedSnapshot]:
    """By source instant, of each of these entries; a snapshot from the future says nothing and is passed over.

    Args:
        on_complete: is told every complete one.
        on_damaged: is told every one whose record does not open: the entry's name, its id and a code.

    Raises:
        StoreError, TransportError: the records cannot be read.
    """
    found: dict[str, CommittedSnapshot] = {}
    for name in dict.fromkeys(names):
        snapshots, findings = list_snapshots(repository, repository.keys.entry_id(name), progress=progress)
        for snapshot, code in damaged_records(findings).items():
            on_damaged(name, snapshot, code)
        latest = now_ns + TOLERANCE_NS
        for each in snapshots:
            if each.facts.complete:
                on_complete(each.id)
                if each.facts.source_at <= latest:
                    found[name] = each
    return found


def judge(
    root: Path,
    history: History,
    known: Sequence[KnownEntry],
    newest: Mapping[str, Newest],
    now_ns: int,
    unreachable: ProofkeepError | None = None,
    place: str | None = None,
    drilled: Sequence[str] = (),
    committed: Sequence[SnapshotId] = (),
) -> StatusReport:
    """The status of all `known` entries and of what lies in the state directory `root`.

    Args:
        newest: what was read of each place that was asked; for others only the history tells.
        place: where the repository lies that is asked; failures on others that no `known` entry shows name theirs.
        drilled: entries of that repository that this host drills, and others back up.
        committed: complete snapshots of that repository.
    """
    places = current([*history.places(), *(entry.place for entry in known), *([place] if place else [])])
    attempts = {each: history.attempts(each) for each in places}
    entries = [_judged(entry, attempts.get(entry.place, []), newest.get(entry.place), now_ns) for entry in known]
    verified = {each.known.name: each.verified_at or 0 for each in entries}
    runs = all_unfinished_runs(root)
    left = [told(run, committed) for run in runs if _wants_somebody(run, verified)]
    remains = [run for run in runs if run.abandoned and run.remains]
    beside = [each for at in attempts for each in _of_none(_names(known, at), attempts[at])]
    return StatusReport(
        entries,
        left,
        remains,
        unreachable,
        history_damaged=history.damaged,
        failures=beside,
        place=place,
        drilled=[] if place is None else _drilled(_names(known, place), drilled, attempts.get(place, [])),
    )


def _names(known: Sequence[KnownEntry], place: str) -> set[str]:
    return {entry.name for entry in known if entry.place == place}


def _judged(entry: KnownEntry, of_place: list[Attempt], asked: Newest | None, now_ns: int) -> EntryStatus:
    mine = [each for each in of_place if not each.entries or entry.name in each.entries]
    newest = None if asked is None else asked.get(entry.name)
    if asked is None:  # what this host remembers may be gone from the repository, and counts only while it is silent
        instants = [each.source_at for each in mine if each.verb == BACKUP and not each.failed and each.source_at]
    else:
        instants = [newest.facts.source_at] if newest else []
    verified_at = max((each for each in instants if each <= now_ns + TOLERANCE_NS), default=None)
    drills = _ended_drills(mine)
    under_way = [each for each in mine if each.verb == BACKUP and each.code is None]
    return EntryStatus(
        entry,
        verified_at,
        newest.id.short if newest else None,
        None if verified_at is None else whole_seconds(now_ns, verified_at),
        under_way[-1] if under_way else None,
        drills[-1] if drills else None,
        open_failures(mine, newest, of_place),
    )


def _of_none(listed: AbstractSet[str], of_place: list[Attempt]) -> list[Attempt]:
    """Open failures that no listed entry shows: of what this host does not back up itself, or not any more."""
    return [each for each in open_failures(of_place, None, of_place) if listed.isdisjoint(each.entries or listed)]


def _drilled(listed: AbstractSet[str], named: Sequence[str], of_place: list[Attempt]) -> list[DrilledEntry]:
    """What this host drills and does not back up: what somebody named, and what its history knows."""
    drills = _ended_drills(of_place)
    names = dict.fromkeys([*named, *(name for each in drills for name in each.entries)])
    if not names and not listed and drills:  # of the repository whole, whose entries this host cannot name
        return [DrilledEntry(drills[-1].subject, drills[-1])]
    found = []
    for name in sorted(set(names) - listed):
        mine = [each for each in drills if not each.entries or name in each.entries]
        found.append(DrilledEntry(name, mine[-1] if mine else None))
    return found


def _ended_drills(attempts: Sequence[Attempt]) -> list[Attempt]:
    return [each for each in attempts if each.verb == DRILL and each.code is not None and not _is_nothing(each)]


def open_failures(
    attempts: Sequence[Attempt], newest: CommittedSnapshot | None, of_place: Sequence[Attempt]
) -> list[Attempt]:
    """Those of a repository's attempts that failed and that nothing closed since; of one run, only its last.

    Args:
        newest: of the one entry that all of them are about, the newest complete snapshot by source instant, whoever
            made it; None where they are about several.
        of_place: all attempts on the repository; any of them may have found sound what one found damaged.
    """
    found: dict[tuple[str, str], Attempt] = {}
    for failure in attempts:
        if failure.failed and not _is_nothing(failure) and not _closed(failure, attempts, newest, of_place):
            found[failure.verb, failure.run] = failure
    return list(found.values())


def _is_nothing(attempt: Attempt) -> bool:
    """A verify or drill that somebody cancelled before it found damage says nothing against anything."""
    return attempt.verb != BACKUP and attempt.code == CancelledError.code and not attempt.found


def _closed(
    failure: Attempt, attempts: Sequence[Attempt], newest: CommittedSnapshot | None, of_place: Sequence[Attempt]
) -> bool:
    """Whether a later success made it good: for backups, of the same run or of a source that was read later.

    What it found damaged in the repository has to be found sound besides, by whoever looked at that very thing again.
    """
    mended = {thing for each in of_place if each.number > failure.order for thing in each.sound}
    if not failure.found <= mended:
        return False
    if failure.verb in {RESTORE, FORGOTTEN}:  # open for what it found, and for nothing else
        return True
    later = [each for each in attempts if each.verb == failure.verb and each.code == "" and each.order > failure.order]
    if failure.verb != BACKUP:
        return any(_covers(each, failure) for each in later)
    later = [each for each in later if not set(each.entries).isdisjoint(failure.entries)]
    if any(each.run == failure.run for each in later):
        return True
    reads = [(each.run, _instant(each)) for each in later]
    if newest is not None and newest.id.run.hex() != failure.run:
        reads.append((newest.id.run.hex(), newest.facts.source_at))
    return any(_read_since(failure, attempts, run, source_at) for run, source_at in reads)


def _read_since(failure: Attempt, attempts: Sequence[Attempt], run: str, source_at: int) -> bool:
    """Whether a run read its source after the failed attempt began.

    This host's order of attempts says so wherever it can: a clock that was wrong must neither close nor keep open.
    """
    of_run = [each for each in attempts if each.run == run]
    # One that the history met only after it had read has an instant older than its first attempt.
    if of_run and of_run[0].number > failure.number and source_at >= of_run[0].began:
        return True
    if of_run and all(each.order < failure.number for each in of_run):
        return False
    return source_at >= failure.began


def _instant(success: Attempt) -> int:
    """Of its source; one that lies after its end was read under another clock, and says nothing."""
    instant = success.source_at or 0
    return instant if instant <= success.at + TOLERANCE_NS else 0


def _covers(success: Attempt, failure: Attempt) -> bool:
    """Whether a verify or drill did again what failed. A drill that restored nothing proves nothing of any entry.

    One that restored nothing of some of its entries says not of which: it makes good what was asked for the very same.
    """
    if success.message == NOTHING_TO_RESTORE:
        return False
    if success.message:
        return set(success.entries) == set(failure.entries)
    if not success.entries:
        return True
    return bool(failure.entries) and set(failure.entries) <= set(success.entries)


def told(run: UnfinishedRun, committed: Iterable[SnapshotId]) -> UnfinishedRun:
    """With a snapshot of it that its journal has never heard of, if one is among these."""
    mine = [each for each in committed if (each.run.hex(), each.entry.hex()) == (run.run, run.entry)]
    return replace(run, snapshot=mine[-1].short) if mine and mine[-1].name not in run.records else run


def _wants_somebody(run: UnfinishedRun, verified: Mapping[str, int]) -> bool:
    """Whether something waits in it that nobody works on."""
    if run.live or run.abandoned:
        return False
    if run.damaged or run.holds_packs or run.spool_bytes:
        return True
    return run.ended and (run.source_at or 0) > verified.get(run.name or "", 0)
