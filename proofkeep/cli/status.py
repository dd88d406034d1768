"""`status`: how old each entry's last verified snapshot is, what failed and is not made good, and what lies about."""

import shlex
import time
from typing import Any

from proofkeep.attempts import Attempt
from proofkeep.cli import shown
from proofkeep.cli.command import Context, Parser, Subparsers, add_command
from proofkeep.cli.exits import Exit
from proofkeep.configuration.duration import spell_duration
from proofkeep.damage import EVERYTHING
from proofkeep.status import HISTORY_DAMAGED, RECORDS_DAMAGED, DrilledEntry, EntryStatus, StatusReport, forget
from proofkeep.unfinished import KNOWN_ELSEWHERE, OF_NO_PACK, STAYS, UnfinishedRun

_SECOND_NS = 10**9
_ALL_READ = "nothing less closes it than `proofkeep verify --read-all` that finds nothing"


def add(commands: Subparsers) -> Parser:
    """Add the subcommand."""
    parser = add_command(commands, "status", run, "show what of this host is overdue, failed or left over")
    parser.add_argument(
        "--forget",
        metavar="ENTRY",
        help="an entry of this repository that is backed up or drilled here no more: do not list it again",
    )
    parser.add_argument(
        "--forget-repository",
        metavar="PLACE",
        help="where a repository lies that this host serves no more: do not tell its entries and failures again",
    )
    return parser


def run(context: Context) -> Exit:
    """Show it.

    Returns:
        `ATTENTION` when an entry is overdue, a failure is open, a record or the history damaged, or a clock wrong.

    Raises:
        ProofkeepError: nothing is, as far as this host remembers, but the repository could not be asked.
    """
    configuration, options = context.configuration, context.options
    if options.forget is not None or options.forget_repository is not None:
        with configuration.history() as history:
            forget(history, configuration.place, entry=options.forget, repository=options.forget_repository)
    now = time.time_ns()
    with context.waiting() as progress:
        report = configuration.status(now_ns=now, progress=progress)
    context.report.tell(_document(report), _lines(report, now))
    if report.reasons:
        return Exit.ATTENTION
    if report.unreachable is not None:
        raise report.unreachable
    return Exit.OK


# --- for scripts


def _document(report: StatusReport) -> dict[str, Any]:
    return {
        "entries": [_entry(entry) for entry in report.entries],
        "drilled": [{"entry": each.name, "drill": each.drill and _attempt(each.drill)} for each in report.drilled],
        "left": [_left(run) for run in report.left],
        "abandoned": [_abandoned(run) for run in report.abandoned],
        "unreachable": None if report.unreachable is None else report.unreachable.code,
        "history_damaged": report.history_damaged,
        "clock": None if report.clock is None else report.clock.code,
        "failures": [
            {"entries": list(each.entries), "repository": each.place} | _attempt(each) for each in report.failures
        ],
    }


def _entry(entry: EntryStatus) -> dict[str, Any]:
    return {
        "entry": entry.known.name,
        "repository": entry.known.place,
        "verified_at": None if entry.verified_at is None else shown.instant(entry.verified_at),
        "snapshot": entry.snapshot,
        "age_seconds": entry.age_seconds,
        "allowed_seconds": entry.known.allowed_seconds,
        "overdue": entry.overdue,
        "under_way": None if entry.under_way is None else _attempt(entry.under_way),
        "drill": None if entry.drill is None else _attempt(entry.drill),
        "damaged": [{"snapshot": snapshot, "code": code} for snapshot, code in entry.damaged.items()],
        "failures": [_attempt(failure) for failure in entry.failures],
    }


def _attempt(attempt: Attempt) -> dict[str, Any]:
    return {
        "verb": attempt.verb,
        "run": attempt.run,
        "began_at": shown.instant(attempt.began),
        "ended_at": None if attempt.ended is None else shown.instant(attempt.ended),
        "code": attempt.code or None,
        "message": attempt.message or None,
    }


def _left(run: UnfinishedRun) -> dict[str, Any]:
    return {
        "run": run.run,
        "entry": run.name,
        "waiting": run.waiting,
        "waiting_bytes": run.waiting_bytes,
        "sent": run.sent,
        "stored": run.stored,
        "stored_bytes": run.stored_bytes,
        "spool_bytes": run.spool_bytes,
        "ended": run.ended,
        "damaged": run.damaged,
        "snapshot": run.snapshot,
        "commands": commands(run),
    }


def _abandoned(run: UnfinishedRun) -> dict[str, Any]:
    return {"run": run.run, "entry": run.name, "remains": run.remains, "remains_bytes": run.remains_bytes}


# --- for people


def commands(run: UnfinishedRun) -> list[str]:
    """What sends or removes what an abandoned run left."""
    resume = [] if run.damaged else [f"proofkeep resume-transfers {run.run}"]
    abandon = [] if run.snapshot and not run.damaged else [f"proofkeep abandon {run.run}"]
    return [*resume, *abandon]


def _lines(report: StatusReport, now_ns: int) -> list[str]:
    lines = [line for entry in report.entries for line in _entry_lines(report.name(entry), entry, now_ns)]
    lines += [_drilled_line(entry, now_ns) for entry in report.drilled]
    lines += [_open(each, f"{each.verb} of {shown.text(report.subject(each))}", now_ns) for each in report.failures]
    lines += [f"  {_forgetting(place)}" for place in report.other_places]
    for run in report.left:
        lines += _left_lines(run)
    lines += [_abandoned_line(run) for run in report.abandoned]
    if any(entry.damaged for entry in report.entries):
        lines.append(f"damaged records: {RECORDS_DAMAGED}")
    if report.history_damaged:
        lines.append(HISTORY_DAMAGED)
    if report.clock is not None:
        lines.append(f"{report.clock}, and ages are told by it [{report.clock.code}]. {report.clock.hint}")
    if report.unreachable is not None:
        lines.append("the repository could not be asked: ages are what this host remembers")
    return lines or ["no entry is known on this host"]


def _entry_lines(name: str, entry: EntryStatus, now_ns: int) -> list[str]:
    allowed = spell_duration(entry.known.allowed_seconds)
    age = "never verified" if entry.age_seconds is None else f"verified {spell_duration(entry.age_seconds)} ago"
    parts = [shown.text(name), f"{age}, allowed {allowed}", "OVERDUE" if entry.overdue else "in time"]
    parts.append(_drill(entry.drill, now_ns))
    if entry.under_way is not None:
        parts.append(f"a backup began {_ago(entry.under_way.began, now_ns)}")
    damaged = (f"  record of snapshot {snapshot} is damaged [{code}]" for snapshot, code in entry.damaged.items())
    return ["  ".join(parts), *damaged, *(f"  {_open(each, each.verb, now_ns)}" for each in entry.failures)]


def _drilled_line(entry: DrilledEntry, now_ns: int) -> str:
    return "  ".join([shown.text(entry.name), "backed up elsewhere", _drill(entry.drill, now_ns)])


def _drill(last: Attempt | None, now_ns: int) -> str:
    """What this host knows of drills, which may run on another one."""
    if last is None:
        return "no drill on this host"
    return f"drill {_ago(last.at, now_ns)}: {'failed' if last.failed else last.message or 'passed'}"


def _open(failure: Attempt, what: str, now_ns: int) -> str:
    when = _ago(failure.at, now_ns)
    closed = f"; {_ALL_READ}" if EVERYTHING in failure.found else ""
    return f"open: {what} {failure.run} [{failure.code}] {when}: {shown.text(failure.message)}{closed}"


def _forgetting(place: str) -> str:
    command = f"proofkeep status --forget-repository {shlex.quote(place)}"
    return f"if this host serves {shown.text(place)} no more: {shown.text(command)}"


def _left_lines(run: UnfinishedRun) -> list[str]:
    of = f" of {shown.text(run.name)}" if run.name else ""
    if run.damaged:
        what = f"its journal is gone or cannot be read, {shown.size(run.spool_bytes)} in the spool"
    elif run.snapshot is not None:
        what = f"its {KNOWN_ELSEWHERE.format(run.snapshot)}"
    elif run.holds_rests:
        what = f"{shown.size(run.spool_bytes)} in the spool {OF_NO_PACK}"
    else:
        what = (
            f"{run.waiting} packs ({shown.size(run.waiting_bytes)}) wait in the spool, {run.sent} of them sent and not "
            f"proven yet, {run.stored} ({shown.size(run.stored_bytes)}) are proven and in no snapshot"
        )
    return [f"left over: run {run.run}{of}: {what}", *(f"  {command}" for command in commands(run))]


def _abandoned_line(run: UnfinishedRun) -> str:
    of = f" of {shown.text(run.name)}" if run.name else ""
    what = f"{run.remains} packs ({shown.size(run.remains_bytes)}) were sent and never proven"
    return f"abandoned: run {run.run}{of}: {what}; {STAYS}"


def _ago(at_ns: int, now_ns: int) -> str:
    return f"{spell_duration(max(0, now_ns - at_ns) // _SECOND_NS)} ago"
