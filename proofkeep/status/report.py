"""What the status of this host's entries is."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from proofkeep.attempts import BACKUP, Attempt, KnownEntry
from proofkeep.errors import ClockError, ProofkeepError, StateDamagedError
from proofkeep.progress import counted
from proofkeep.unfinished import UnfinishedRun

_SECOND_NS = 10**9

HISTORY_DAMAGED = (
    "the history of attempts was damaged, lost or put back from an older copy: entries, failures and damaged objects "
    "that it knew are forgotten, backups may rely on such objects, ages come from the repository. Look at the disk, "
    "verify with read 1.0 (--read-all) and drill again, then remove history.sqlite.damaged* from the state directory"
)
"""What a status says until somebody has removed what was put aside."""

RECORDS_DAMAGED = (
    "put each back in place of what lies there, from a replica or an older version of the object, then start a verify; "
    "until then restore by the id of another snapshot: latest is refused, and so is what is damaged"
)
"""What a status says of snapshots whose records do not open."""


@dataclass(frozen=True, slots=True)
class EntryStatus:
    """One entry.

    Attributes:
        verified_at: source instant, in ns, of its newest complete snapshot; each was proven before it was committed.
        snapshot: that snapshot's id; None where only this host's memory tells of it.
        age_seconds: of `verified_at`; None where there never was one.
        under_way: the attempt that runs now.
        drill: the last drill on this host that came to an end and was about this entry.
        failures: attempts that failed and that nothing has closed since, oldest first.
        drilled_on: the host that drills it instead of this one, where somebody said so.
        damaged: codes of its snapshots whose records do not open, by their ids.
    """

    known: KnownEntry
    verified_at: int | None
    snapshot: str | None
    age_seconds: int | None
    under_way: Attempt | None = None
    drill: Attempt | None = None
    failures: list[Attempt] = field(default_factory=list)
    drilled_on: str | None = None
    damaged: Mapping[str, str] = field(default_factory=dict)

    @property
    def overdue(self) -> bool:
        """Whether its last verified snapshot is older than allowed, or missing."""
        return self.age_seconds is None or self.age_seconds > self.known.allowed_seconds

    @property
    def codes(self) -> list[str]:
        """Why it needs somebody: `overdue`, and codes of its damaged records and open failures, each once."""
        found = ["overdue"] if self.overdue else []
        return [*found, *dict.fromkeys([*self.damaged.values(), *(failure.code or "" for failure in self.failures)])]


@dataclass(frozen=True, slots=True)
class DrilledEntry:
    """An entry that this host drills and another one backs up.

    Attributes:
        drill: the last one here that came to an end.
    """

    name: str
    drill: Attempt | None


@dataclass(frozen=True, slots=True)
class BrokenEntry:
    """An entry that has to be listed, and whose configuration cannot be used."""

    name: str
    error: ProofkeepError


@dataclass(frozen=True, slots=True)
class StatusReport:
    """All entries of this host.

    Attributes:
        left: abandoned runs with something in them that somebody may want to send or to give up.
        abandoned: runs that were given up when packs of theirs had been sent and not proven.
        unreachable: why the repository could not be asked, so that ages are only what this host remembers.
        broken: entries that have to be listed, and of which nothing could be found out.
        history_damaged: the history was damaged or lost and begun anew; nobody has removed yet what lies aside.
        failures: open ones that are about none of `entries`: other hosts back those up, or this one did once.
        place: where the repository lies that was asked.
        drilled: what of that repository this host drills and does not back up.
        clock: a service of that repository states another time than this host, by whose clock ages are told.
    """

    entries: list[EntryStatus]
    left: list[UnfinishedRun]
    abandoned: list[UnfinishedRun] = field(default_factory=list)
    unreachable: ProofkeepError | None = None
    broken: Sequence[BrokenEntry] = ()
    history_damaged: bool = False
    failures: Sequence[Attempt] = ()
    place: str | None = None
    drilled: Sequence[DrilledEntry] = ()
    clock: ClockError | None = None

    @property
    def reasons(self) -> list[str]:
        """Who needs somebody, each with its codes."""
        return [
            *(f"{self.name(entry)}: {', '.join(entry.codes)}" for entry in self.entries if entry.codes),
            *(f"{entry.name}: {entry.error.code}" for entry in self.broken),
            *dict.fromkeys(f"{each.verb} of {self.subject(each)}: {each.code}" for each in self._untold()),
            *([f"history of attempts: {StateDamagedError.code}"] if self.history_damaged else []),
            *([f"clock of this host: {self.clock.code}"] if self.clock else []),
        ]

    @property
    def verdict(self) -> str:
        """One line: the reasons, if there are any."""
        if not self.reasons:
            within = "is verified within its" if len(self.entries) == 1 else "are verified within their"
            return f"{counted(len(self.entries), 'entry', 'entries')} {within} allowed age, nothing is open"
        return "; ".join(self.reasons)

    @property
    def other_places(self) -> list[str]:
        """Where repositories lie that something is said of and that was not asked: this host may serve them no more."""
        told = [*(each.known.place for each in self.entries if each.codes), *(each.place for each in self.failures)]
        return list(dict.fromkeys(each for each in told if each != self.place))

    def name(self, entry: EntryStatus) -> str:
        """What an entry is called: with where its repository lies, unless that is the one that was asked."""
        known = entry.known
        return known.name if self.place in {None, known.place} else f"{known.name} in {known.place}"

    def subject(self, failure: Attempt) -> str:
        """What one of `failures` was about, and where, unless that is the repository that was asked."""
        return f"{failure.subject} in {failure.place}" if failure.place != self.place else failure.subject

    def _untold(self) -> Iterator[Attempt]:
        """Failures of which no broken entry says the same."""
        told = {(BACKUP, (entry.name,), entry.error.code) for entry in self.broken}
        return (each for each in self.failures if (each.verb, each.entries, each.code) not in told)


def whole_seconds(later_ns: int, earlier_ns: int) -> int:
    """From one instant to another, at least 0."""
    return max(0, (later_ns - earlier_ns) // _SECOND_NS)
