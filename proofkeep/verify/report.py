"""What a verification saw."""

from dataclasses import dataclass, field
from enum import StrEnum

from proofkeep.damage import spelled
from proofkeep.errors import DamagedError, NotProvenError, ProofkeepError
from proofkeep.model import Finding, told


class Freshness(StrEnum):
    """Whether an older state put back would have been noticed."""

    EXPECTED = "held against the head that was asked for"
    REMEMBERED = "held against the heads this host remembers"
    NOT_PROVABLE = "not provable: no remembered head"


@dataclass(slots=True)
class VerificationReport:
    """Counts and findings; `subject` of a finding is an object, a snapshot or a writer, never a file's name.

    Attributes:
        objects, bytes: what the ledger vouches for and the store lists.
        read, read_bytes: of these, what was read and hashed again.
        unvouched: objects no ledger entry names (runs under way or abandoned); invisible to readers.
        heads: `<writer>:<sequence>:<sha256>` of every chain as read now.
        not_tested: what this verification did not do, in words.
        affected: entries whose snapshots need packs that are missing or damaged; keyed ids where no name is known.
        sound: of what was known to be damaged, what it looked at again and found sound.
    """

    freshness: Freshness
    ledger_shares_neighbourhood: bool
    writers: int = 0
    entries: int = 0
    objects: int = 0
    bytes: int = 0
    read: int = 0
    read_bytes: int = 0
    snapshots: int = 0
    withdrawn: int = 0
    unvouched: int = 0
    heads: list[str] = field(default_factory=list)
    not_tested: list[str] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    affected: list[str] = field(default_factory=list)
    sound: list[str] = field(default_factory=list)

    @property
    def found(self) -> list[str]:
        """What it found damaged, as `proofkeep.damage` spells it."""
        return spelled(finding.subject for finding in self.findings)

    @property
    def intact(self) -> bool:
        """No finding; says nothing of freshness."""
        return not self.findings

    @property
    def verdict(self) -> str:
        """`damaged`, `intact, freshness not provable`, or `intact`."""
        if self.findings:
            return "damaged"
        return "intact, freshness not provable" if self.freshness is Freshness.NOT_PROVABLE else "intact"

    @property
    def damage(self) -> DamagedError | None:
        """The error that the findings amount to; None if there are none."""
        return DamagedError(f"verify has {told(self.findings)}") if self.findings else None

    @property
    def failure(self) -> ProofkeepError | None:
        """Why it is no pass: damage, or that freshness is not provable; None if it is one."""
        if self.freshness is Freshness.NOT_PROVABLE and not self.findings:
            return NotProvenError("repository is intact, but no head was known to hold its ledger against")
        return self.damage

    def require_intact(self) -> None:
        """Raise `DamagedError` if there are findings."""
        if (damage := self.damage) is not None:
            raise damage

    def require_pass(self) -> None:
        """Raise `DamagedError` or `NotProvenError` unless it is one."""
        if (failure := self.failure) is not None:
            raise failure

    def find(self, code: str, subject: str, detail: str) -> None:
        """Add a finding."""
        self.findings.append(Finding(code, subject, detail))
