"""What a restore did."""

from dataclasses import dataclass, field

from proofkeep.errors import DamagedError
from proofkeep.model import Finding


@dataclass(slots=True)
class RestoreReport:
    """Counts, and a finding for each file that is not as the source had it.

    Attributes:
        skipped: sockets, and devices that were not asked for.
        owners_unset, xattrs_unset: metadata that this user or filesystem could not set.
        findings: `subject` is a keyed file id or a pack; `path` the name, for the CLI only.
    """

    snapshot: str
    complete: bool
    files: int = 0
    directories: int = 0
    other: int = 0
    skipped: int = 0
    bytes: int = 0
    read: int = 0
    owners_unset: int = 0
    xattrs_unset: int = 0
    findings: list[Finding] = field(default_factory=list)

    @property
    def intact(self) -> bool:
        """Whether everything asked for was restored as the source had it."""
        return not self.findings

    def require_intact(self) -> None:
        """Raise `DamagedError` if there are findings; what they do not name is restored."""
        if self.findings:
            raise DamagedError(f"restore of snapshot {self.snapshot} has {len(self.findings)} findings")
