"""What an inventory leaves uncovered: computed from its text alone, before anything runs.

Objectives are named as SP 800-171A and the CMMC assessment guide, or SP 800-53A, have them. A gap is something that an
assessor of that objective would ask about, not a verdict; drills are practice of SP 800-53 CP-9(1), which SP 800-171
does not ask for.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from proofkeep.inventory.cron import Cron
from proofkeep.inventory.model import Entry, Inventory, Repository, Schedule

QUARTER = timedelta(days=93)  # 92, and an hour of summer time


_LIMITS = """\
Computed from the inventory's text. Whether backups ran is the status's word, whether they can be restored the drills',
whether an objective is met the assessor's."""


@dataclass(frozen=True, slots=True)
class Gap:
    """Something an entry lacks.

    Attributes:
        entry: its name; empty where there is none at all.
        detail: a sentence's worth of numbers and names.
        objectives: which of them an assessor would hold it against.
    """

    entry: str
    code: str
    detail: str
    objectives: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Check:
    """One question asked of every entry.

    Attributes:
        asks: what is wanted, for the table of checks.
        find: says what is lacking; None where nothing is.
    """

    code: str
    asks: str
    objectives: tuple[str, ...]
    find: Callable[[Inventory, Entry, Repository, datetime], str | None]


_NO_ENTRY = Gap("", "no-entry", "nothing is backed up or drilled", ("CP-09",))


def gaps(inventory: Inventory, now: datetime) -> list[Gap]:
    """Every gap, entry by entry. `now` is aware; intervals are those of the year that follows."""
    if not inventory.entries:
        return [_NO_ENTRY]
    return [
        Gap(entry.name, check.code, detail, check.objectives)
        for entry in inventory.entries
        for check in CHECKS
        if (detail := check.find(inventory, entry, inventory.repository(entry.repository), now))
    ]


def render_posture(inventory: Inventory, found: Sequence[Gap]) -> str:
    """A page of Markdown: counts, the gaps, and every check with what it serves."""
    cui = sum(entry.cui for entry in inventory.entries)
    open_entries = {gap.entry for gap in found if gap.entry}
    lines = [
        f"# Posture of inventory {inventory.name}",
        "",
        f"{len(inventory.entries)} entries, {cui} with CUI; {len(found)} gaps in {len(open_entries)} entries.",
        "",
        *_gap_lines(inventory, found),
        *_drill_lines(inventory),
        "## Checks",
        "",
        "| check | asks | serves | gaps |",
        "|---|---|---|--:|",
        f"| `{_NO_ENTRY.code}` | is there any | {_NO_ENTRY.objectives[0]} | {found.count(_NO_ENTRY)} |",
    ]
    for check in CHECKS:
        count = sum(gap.code == check.code for gap in found)
        lines.append(f"| `{check.code}` | {check.asks} | {', '.join(check.objectives)} | {count} |")
    return "\n".join([*lines, "", _LIMITS, ""])


def _gap_lines(inventory: Inventory, found: Sequence[Gap]) -> Iterator[str]:
    if not found:
        return
    owners = {entry.name: entry for entry in inventory.entries}
    yield from ("## Gaps", "", "| entry | CUI | owner | check | lacking | serves |", "|---|---|---|---|---|---|")
    for gap in found:
        entry = owners.get(gap.entry)
        owner = _cell(entry.owner if entry and entry.owner else "nobody")
        row = (gap.entry or "none", "yes" if entry and entry.cui else "no", owner, f"`{gap.code}`", _cell(gap.detail))
        yield f"| {' | '.join(row)} | {', '.join(gap.objectives)} |"
    yield ""


def _drill_lines(inventory: Inventory) -> Iterator[str]:
    """Which host drills what: only its status can tell how that went."""
    drilled = [(entry, entry.drill) for entry in inventory.entries if entry.drill is not None]
    if not drilled:
        return
    yield from ("## Drills", "", "| entry | backed up on | drilled and told on | at |", "|---|---|---|---|")
    for entry, drill in drilled:
        yield f"| {entry.name} | {entry.host} | {drill.host or entry.host} | `{drill.cron}` {drill.timezone} |"
    yield ""


def _cell(text: str) -> str:
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;")


def interval(schedule: Schedule, now: datetime) -> timedelta:
    """The longest wait between two runs."""
    return Cron.parse(schedule.cron).longest_interval(ZoneInfo(schedule.timezone), now)


def _no_schedule(inventory: Inventory, entry: Entry, _: Repository, __: datetime) -> str | None:
    return "it is backed up only when somebody asks" if _schedule(inventory, entry) is None else None


def _schedule(inventory: Inventory, entry: Entry) -> Schedule | None:
    return entry.schedule or inventory.fleet


def _age(inventory: Inventory, entry: Entry, _: Repository, now: datetime) -> str | None:
    schedule = _schedule(inventory, entry)
    if schedule is None:
        return None
    window = timedelta(seconds=schedule.window_seconds)
    wait = interval(schedule, now)
    if entry.allowed >= wait + window:
        return None
    apart = f"{_words(wait)} and a window of {_words(window)}"
    return f"age {entry.allowed_age} is allowed, and up to {apart} lie between two runs"


def _no_drill(_: Inventory, entry: Entry, __: Repository, ___: datetime) -> str | None:
    return "no drill of its restore is scheduled" if entry.cui and entry.drill is None else None


def _rare_drill(_: Inventory, entry: Entry, __: Repository, now: datetime) -> str | None:
    if not entry.cui or entry.drill is None or (wait := interval(entry.drill, now)) <= QUARTER:
        return None
    return f"up to {_words(wait)} lie between two drills, more than a quarter"


def _own_host_decrypts(_: Inventory, entry: Entry, __: Repository, ___: datetime) -> str | None:
    if entry.drill is None or (entry.drill.host or entry.host) != entry.host:
        return None
    return f"drills run on {entry.host} itself, which so can decrypt its own backups"


def _no_decrypt_authority(_: Inventory, __: Entry, repository: Repository, ___: datetime) -> str | None:
    if repository.restore_key is None:
        return f"repository {repository.name} names nobody who can decrypt"
    if repository.restore_key == repository.key:
        return f"repository {repository.name} is written and decrypted under one block, {repository.key}"
    return None


def _same_location(_: Inventory, entry: Entry, repository: Repository, __: datetime) -> str | None:
    if entry.location.strip().casefold() != repository.location.strip().casefold():
        return None
    return f"source and packs both lie in {entry.location}"


def _local(_: Inventory, entry: Entry, repository: Repository, __: datetime) -> str | None:
    return "packs stay on the host of the source" if entry.cui and repository.transport == "local" else None


def _no_verify(_: Inventory, __: Entry, repository: Repository, ___: datetime) -> str | None:
    return f"repository {repository.name} is never verified" if repository.verify is None else None


def _no_retention(_: Inventory, entry: Entry, __: Repository, ___: datetime) -> str | None:
    return "no snapshot has a date until which it is kept" if entry.retention is None else None


def _no_owner(_: Inventory, entry: Entry, __: Repository, ___: datetime) -> str | None:
    return "nobody answers for it" if entry.owner is None else None


def _mixed(inventory: Inventory, entry: Entry, repository: Repository, _: datetime) -> str | None:
    others = [each.name for each in inventory.entries if each.repository == repository.name and not each.cui]
    if not entry.cui or not others:
        return None
    return f"repository {repository.name} and its keys also serve entries without CUI: {', '.join(others)}"


def _words(length: timedelta) -> str:
    hours = length // timedelta(hours=1)
    if length % timedelta(hours=1):
        return f"{length // timedelta(minutes=1)} min"
    return f"{hours} h" if hours % 24 or hours < 72 else f"{hours // 24} days"  # noqa: PLR2004 - as people say it


CHECKS = (
    Check("no-schedule", "is it backed up by itself", ("CP-09",), _no_schedule),
    Check("age-shorter-than-interval", "can the allowed age be kept at all", ("3.12.3[a]", "CP-10"), _age),
    Check("no-drill", "is the restore of CUI drilled", ("3.12.1[b]", "3.6.1[f]", "CP-09(01)"), _no_drill),
    Check("rare-drill", "is it drilled every quarter", ("3.12.1[a]", "CP-09(01)"), _rare_drill),
    Check(
        "own-host-decrypts",
        "are drills away from the host that is backed up",
        ("3.1.4[c]", "3.13.10[b]"),
        _own_host_decrypts,
    ),
    Check(
        "no-separate-decrypt",
        "does somebody else than the backup role decrypt",
        ("3.1.4[c]", "3.13.10[b]"),
        _no_decrypt_authority,
    ),
    Check("same-location", "do packs lie elsewhere than the source", ("CP-06", "CP-09(03)"), _same_location),
    Check("packs-stay-local", "do packs of CUI leave the host", ("CP-06", "CP-09(03)"), _local),
    Check("no-verify", "is the repository verified on schedule", ("3.12.3[a]",), _no_verify),
    Check("no-retention", "is it known how long snapshots are kept", ("SI-12",), _no_retention),
    Check("no-owner", "does somebody answer for it", ("3.1.4[b]",), _no_owner),
    Check("mixed-repository", "are keys of CUI used for CUI alone", ("3.13.10[b]",), _mixed),
)
