"""What the status of this host's entries is."""

from dataclasses import dataclass, field

from proofkeep.errors import ProofkeepError
from proofkeep.history import Attempt, KnownEntry
from proofkeep.unfinished import UnfinishedRun

_SECOND_NS = 10**9


@dataclass(frozen=True, slots=True)
class EntryStatus:
    """One entry.

    Attributes:
        verified_at: source instant, in ns, of its newest complete snapshot; each was proven before it was committed.
        snapshot: that snapshot's id; None where only this host's memory tells of it.
        age_seconds: of `verified_at`; None where there never was one.
        under_way: the attempt that runs now.
        drill: the last drill that came to an end and was about this entry.
        failures: attempts that failed and that nothing has closed since, oldest first.
    """

    known: KnownEntry
    verified_at: int | None
    snapshot: str | None
    age_seconds: int | None
    under_way: Attempt | None = None
    drill: Attempt | None = None
    failures: list[Attempt] = field(default_factory=list)

    @property
    def overdue(self) -> bool:
        """Whether its last verified snapshot is older than allowed, or missing."""
        return self.age_seconds is None or self.age_seconds > self.known.allowed_seconds

    @property
    def codes(self) -> list[str]:
        """Why it needs somebody: `overdue`, and codes of its open failures, each once."""
        found = ["overdue"] if self.overdue else []
        return [*found, *dict.fromkeys(failure.code or "" for failure in self.failures)]


@dataclass(frozen=True, slots=True)
class StatusReport:
    """All entries of this host.

    Attributes:
        left: abandoned runs with something in them that somebody may want to send or to give up.
        abandoned: runs that were given up when packs of theirs had been sent and not proven.
        unreachable: why the repository could not be asked, so that ages are only what this host remembers.
    """

    entries: list[EntryStatus]
    left: list[UnfinishedRun]
    abandoned: list[UnfinishedRun] = field(default_factory=list)
    unreachable: ProofkeepError | None = None

    @property
    def wanting(self) -> list[EntryStatus]:
        """Entries that are overdue or have open failures."""
        return [entry for entry in self.entries if entry.codes]

    @property
    def verdict(self) -> str:
        """One line, with the entries and their codes."""
        if not self.wanting:
            return f"{len(self.entries)} entries are verified within their allowed age, nothing is open"
        return "; ".join(f"{entry.known.name}: {', '.join(entry.codes)}" for entry in self.wanting)


def whole_seconds(later_ns: int, earlier_ns: int) -> int:
    """From one instant to another, at least 0."""
    return max(0, (later_ns - earlier_ns) // _SECOND_NS)
