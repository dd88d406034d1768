"""What a restore did."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from proofkeep.damage import snapshot_of
from proofkeep.errors import DamagedError
from proofkeep.model import Finding, told


@dataclass(slots=True)
class RestoreReport:
    """Counts, and a finding for each file that is not as the source had it.

    Attributes:
        skipped: sockets, and devices that were not asked for.
        owners_unset, xattrs_unset: metadata that this user or filesystem could not set.
        findings: `subject` is a keyed file id or a pack; `path` the name, for the CLI only.
        unread: findings that say how the snapshot was made, and nothing of what is stored.
        damaged: what it found damaged in the repository, as `proofkeep.damage` spells it; also where another copy of
            the content served.
        whole: whether everything in the snapshot was asked for.
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
    unread: int = 0
    findings: list[Finding] = field(default_factory=list)
    damaged: list[str] = field(default_factory=list)
    whole: bool = False

    @property
    def intact(self) -> bool:
        """Whether everything asked for was restored as the source had it."""
        return not self.findings

    @property
    def damage(self) -> DamagedError | None:
        """The error that the findings amount to; None if there are none."""
        return DamagedError(f"restore of snapshot {self.snapshot} has {told(self.findings)}") if self.findings else None

    def sound(self, known: Iterable[str]) -> list[str]:
        """Of what was known to be damaged, what this restore opened and found sound."""
        opened = self.snapshot if self.whole and len(self.findings) == self.unread else None
        return [thing for thing in known if snapshot_of(thing) == opened and thing not in self.damaged]

    def require_intact(self) -> None:
        """Raise `DamagedError` if there are findings; what they do not name is restored."""
        if (damage := self.damage) is not None:
            raise damage
