"""What a restore did."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from proofkeep.damage import snapshot_of
from proofkeep.errors import DamagedError, ProofkeepError, UsageError
from proofkeep.model import Finding, told
from proofkeep.progress import counted

_MOST_IDS = 3


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
    def astray(self) -> list[str]:
        """Keyed ids that were asked for and that the snapshot holds nothing under, where that is all that is wrong."""
        missed = [finding.subject for finding in self.findings if finding.code == UsageError.code]
        return missed if len(missed) == len(self.findings) else []

    @property
    def verdict(self) -> str:
        """`intact`, or what is amiss with what was not restored."""
        if self.intact:
            return "intact"
        return f"{'ids without a file' if self.astray else 'damaged'}, the rest is restored"

    @property
    def damage(self) -> ProofkeepError | None:
        """The error that the findings amount to; None if there are none."""
        if astray := self.astray:
            first = ", ".join(astray[:_MOST_IDS]) + (", ..." if len(astray) > _MOST_IDS else "")
            return UsageError(f"snapshot {self.snapshot} holds nothing with {counted(len(astray), 'file id')}: {first}")
        return DamagedError(f"restore of snapshot {self.snapshot} has {told(self.findings)}") if self.findings else None

    def miss(self, file_ids: Iterable[str]) -> None:
        """Nothing that the snapshot's manifest lists has these keyed ids, in hex."""
        detail = "nothing listed in this snapshot has this id"
        self.findings += [Finding(UsageError.code, identity, detail) for identity in file_ids]

    def sound(self, known: Iterable[str]) -> list[str]:
        """Of what was known to be damaged, what this restore opened and found sound."""
        opened = self.snapshot if self.whole and len(self.findings) == self.unread else None
        return [thing for thing in known if snapshot_of(thing) == opened and thing not in self.damaged]

    def require_intact(self) -> None:
        """Raise `damage` if there are findings; what they do not name is restored.

        Raises:
            UsageError: nothing is wrong but ids that are of nothing in the snapshot.
            DamagedError: something else is.
        """
        if (damage := self.damage) is not None:
            raise damage
