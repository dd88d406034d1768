"""What a restore drill is asked for as its flow takes it: visible and editable in the deployment's parameters."""

from dataclasses import replace
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from flows.lateness import WINDOW_SECONDS, Window
from proofkeep.drill import Places, Plan


class LiveSource(BaseModel):
    """Where an entry's live source can be asked: in this process, or by a deployment on its own host."""

    model_config = ConfigDict(extra="forbid")

    entry: str = Field(description="Name of the inventory entry.")
    source: str | None = Field(
        default=None, description="Name of a Proofkeep Source block whose tree lies on the host of this drill."
    )
    deployment: str | None = Field(
        default=None, description="Deployment `spot_check/NAME` on the source's host, with its parameters set."
    )

    @model_validator(mode="after")
    def _is_one_of_both(self) -> Self:
        if (self.source is None) == (self.deployment is None):
            raise ValueError("a live source has either a source block or a deployment")
        return self


class DrillOptions(BaseModel):
    """How a drill draws and where it works; the defaults suit a small shop."""

    model_config = ConfigDict(extra="forbid")

    scenario: str = Field(default="normal", max_length=200, description="What is rehearsed, for the evidence.")
    per_stratum: int = Field(default=1, ge=1, le=1000, description="Files drawn from each stratum.")
    every_snapshot: bool = Field(
        default=False, description="Draw from every snapshot, not only the newest complete and the oldest one."
    )
    read: float = Field(default=0.1, ge=0, le=1, description="Share of the packs that is read back before the draw.")
    largest: int | None = Field(
        default=None,
        ge=1,
        description="Bytes; larger files are left out, which the evidence says and fails a drill of nothing else.",
    )
    rto_seconds: int | None = Field(default=None, ge=1, description="Target of the recovery time, if there is one.")
    rpo_seconds: int | None = Field(default=None, ge=1, description="Target of the newest snapshot's age.")
    evidence: Path | None = Field(
        default=None, description="Folder of all evidence; empty uses `evidence` in the state directory."
    )
    tmpfs: Path | None = Field(
        default=Path("/dev/shm"),  # noqa: S108 - held against statfs before anything is written there
        description="A directory in memory, believed only if the kernel says so; empty never uses one.",
    )
    sealed: Path | None = Field(
        default=None,
        description="Folder for scratch under a key that is thrown away; empty uses `scratch` in the state directory.",
    )
    window_seconds: Window = WINDOW_SECONDS

    def plan(self, drill: str, entries: list[str], *, surprise: bool) -> Plan:
        """The engine's plan."""
        return Plan(
            drill,
            tuple(entries),
            "surprise" if surprise else "scheduled",
            self.scenario,
            self.per_stratum,
            self.every_snapshot,
            self.read,
            self.largest,
            self.rto_seconds,
            self.rpo_seconds,
        )

    def places(self, configured: Places) -> Places:
        """The configuration's places with this drill's own."""
        return replace(
            configured,
            evidence=self.evidence or configured.evidence,
            tmpfs=self.tmpfs,
            sealed=self.sealed or configured.sealed,
        )


DRILL_DEFAULTS = DrillOptions()
