"""Everything the demo saw, gathered while it ran; `claims` judges it and `table` shows it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from infra.demo.cloud import Cloud
from infra.demo.comparison import Comparison
from infra.demo.evidence import Evidence
from infra.demo.origin import Change, Origin
from infra.demo.runs import Recorded
from infra.demo.witness import Vouched

Receipt = Mapping[str, Any]
"""What a flow returned; JSON types only."""


@dataclass(frozen=True)
class BackupSeen:
    """One backup: what the flow returned, and every pack and size that the store listed afterwards."""

    receipt: Receipt
    packs: Mapping[str, int]
    seconds: float

    @property
    def totals(self) -> Mapping[str, int]:
        """Counts of the run."""
        totals: Mapping[str, int] = self.receipt["totals"]
        return totals


@dataclass(frozen=True)
class Outcome:
    """A demo that came to its end.

    Attributes:
        certificate: SHA-256 of the endpoint's certificate, taken from its file.
        vouched: from the ledger.
        verified, restored, drilled: what those flows returned.
        evidence: what the drill left.
        ui: address of the last backup's flow run.
    """

    origin: Origin
    change: Change
    cloud: Cloud
    certificate: str
    first: BackupSeen
    second: BackupSeen
    vouched: Vouched
    verified: Receipt
    restored: Receipt
    comparison: Comparison
    drilled: Receipt
    evidence: Evidence
    recorded: list[Recorded]
    ui: str
    seconds: float

    @property
    def new_packs(self) -> dict[str, int]:
        """What the second backup added to the store."""
        return {name: size for name, size in self.second.packs.items() if name not in self.first.packs}
