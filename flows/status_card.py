"""The table of a status, as Markdown."""

from collections.abc import Iterator

from flows.names import in_full, shortened
from proofkeep.attempts import Attempt
from proofkeep.configuration.duration import spell_duration
from proofkeep.damage import EVERYTHING
from proofkeep.errors import StateDamagedError
from proofkeep.progress import counted, in_units
from proofkeep.status import HISTORY_DAMAGED, RECORDS_DAMAGED, EntryStatus, StatusReport
from proofkeep.unfinished import KNOWN_ELSEWHERE, OF_NO_PACK, STAYS, UnfinishedRun

_SECOND_NS = 10**9
_ALL_READ = "Nothing less closes it than a `verify` with `read` 1.0 that finds nothing."


def render(repository: str, report: StatusReport, now_ns: int) -> str:
    """One table of entries, open failures below it, and what is left over with what removes it."""
    lines = [f"# Status of {repository}", "", f"**{report.verdict}**", "", *_notices(report)]
    rows = [_entry(report.name(entry), entry, now_ns) for entry in report.entries]
    rows += [f"| {entry.name} | | | | **{entry.error.code}** |" for entry in report.broken]
    if rows:
        lines += ["| entry | last verified | allowed | last drill | |", "|---|---|---|---|---|", *rows]
    else:
        lines += ["No entry is backed up on this host."]
    if report.broken:
        lines += ["", "## Entries that cannot be used", ""]
        lines += [f"* {entry.name}: **{entry.error.code}**\n\n  {entry.error}" for entry in report.broken]
    if report.drilled:
        lines += ["", "## Drilled here, backed up elsewhere", "", "| entry | last drill |", "|---|---|"]
        lines += [f"| {entry.name} | {_drill(entry.drill, now_ns)} |" for entry in report.drilled]
    failures = [(report.name(entry), failure) for entry in report.entries for failure in entry.failures]
    failures += [(report.subject(failure), failure) for failure in report.failures]
    if failures:
        lines += ["", "## Open failures", "", *(_failure(subject, failure, now_ns) for subject, failure in failures)]
        lines += [in_full(*(failure.message for _, failure in failures))]
    lines += [_forgetting(place) for place in report.other_places]
    lines += _damaged(report)
    if report.left:
        lines += ["", "## Left over", "", "| run | of | waits in the spool | proven, in no snapshot | what to do |"]
        lines += ["|---|---|---|---|---|", *(_left(run) for run in report.left)]
    if report.abandoned:
        lines += ["", "## Abandoned", "", f"Packs that were sent and never proven: {STAYS}.", ""]
        lines += ["| run | of | in the store |", "|---|---|---|", *(_abandoned(run) for run in report.abandoned)]
    return "\n".join(lines) + "\n"


def _notices(report: StatusReport) -> Iterator[str]:
    """What bears on everything below."""
    if report.unreachable is not None:
        code = report.unreachable.code
        yield from (f"The repository could not be asked (`{code}`): ages are what this host remembers.", "")
    if report.clock is not None:
        yield from (f"**{report.clock.code}**: {report.clock}, and ages are told by it. {report.clock.hint}", "")
    if report.history_damaged:
        yield from (f"**{StateDamagedError.code}**: {HISTORY_DAMAGED}.", "")


def _entry(name: str, entry: EntryStatus, now_ns: int) -> str:
    age = "never" if entry.age_seconds is None else f"{spell_duration(entry.age_seconds)} ago"
    drill = _drill(entry.drill, now_ns)
    if entry.drilled_on is not None:
        here = "" if entry.drill is None else f"; here {drill}"
        drill = f"on {entry.drilled_on}, see its status{here}"
    state = ", ".join(f"**{code}**" for code in entry.codes) or "in time"
    if entry.under_way is not None:
        state += f"; a backup began {_ago(entry.under_way.began, now_ns)}"
    return f"| {name} | {age} | {spell_duration(entry.known.allowed_seconds)} | {drill} | {state} |"


def _drill(last: Attempt | None, now_ns: int) -> str:
    """What this host knows of drills."""
    if last is None:
        return "none here"
    return f"{_ago(last.at, now_ns)}, {'**failed**' if last.failed else last.message or 'passed'}"


def _failure(subject: str, failure: Attempt, now_ns: int) -> str:
    what = f"{subject}, {failure.verb} `{failure.run}`, {_ago(failure.at, now_ns)}"
    closed = f"\n\n  {_ALL_READ}" if EVERYTHING in failure.found else ""
    return f"* {what}: **{failure.code}**\n\n  {shortened(failure.message)}{closed}"


def _damaged(report: StatusReport) -> Iterator[str]:
    """Snapshots whose records do not open."""
    rows = [(report.name(entry), *damaged) for entry in report.entries for damaged in entry.damaged.items()]
    if rows:
        yield from ("", "## Damaged records", "", "| entry | snapshot | |", "|---|---|---|")
        yield from (f"| {name} | `{snapshot}` | **{code}** |" for name, snapshot, code in rows)
        yield from ("", f"**What to do:** {RECORDS_DAMAGED}.")


def _forgetting(place: str) -> str:
    return f"\nIf this host serves `{place}` no more: run this flow with `forget_repository` set to that."


def _left(run: UnfinishedRun) -> str:
    waiting = (
        f"{counted(run.waiting, 'pack')}, {in_units(run.waiting_bytes)}; {run.sent:,} of them sent, not proven yet"
    )
    stored = f"{counted(run.stored, 'pack')}, {in_units(run.stored_bytes)}"
    if run.damaged:
        waiting, stored = in_units(run.spool_bytes), "its journal is gone or cannot be read"
    elif run.holds_rests:
        waiting, stored = in_units(run.spool_bytes), OF_NO_PACK
    steps = f"the entry's next run takes it up, or `proofkeep resume-transfers {run.run}`"
    if run.damaged:
        steps = f"`proofkeep abandon {run.run}`"
    elif run.snapshot is not None:
        stored = KNOWN_ELSEWHERE.format(f"`{run.snapshot}`")
    else:
        steps += f"; else `proofkeep abandon {run.run}`"
    return f"| `{run.run}` | {run.name or 'not known'} | {waiting} | {stored} | {steps} |"


def _abandoned(run: UnfinishedRun) -> str:
    return (
        f"| `{run.run}` | {run.name or 'not known'} | {counted(run.remains, 'pack')}, {in_units(run.remains_bytes)} |"
    )


def _ago(at_ns: int, now_ns: int) -> str:
    return f"{spell_duration(max(0, now_ns - at_ns) // _SECOND_NS)} ago"
