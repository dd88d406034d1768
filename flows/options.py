"""Knobs of a backup run as its flow takes them: visible and editable in the deployment's parameters."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from flows.lateness import WINDOW_SECONDS, Window
from proofkeep.format.sizes import PACK_SIZE
from proofkeep.spool import DEFAULT_LIMIT

MIB = 1 << 20


class BackupOptions(BaseModel):
    """How a backup runs; the defaults suit a host with two cores."""

    model_config = ConfigDict(extra="forbid")

    expiry_days: int | None = Field(
        default=None, ge=1, le=36_500, description="How long the snapshot is to be kept; empty promises no date."
    )
    allow_empty: bool = Field(default=False, description="Whether a source without anything in it is meant.")
    known_ahead: list[str] = Field(
        default=[], description="Ledger entries known to be from the future, as a refusal names them; for one run."
    )
    level: int = Field(default=3, ge=1, le=22, description="Level of zstd.")
    workers: int = Field(default=2, ge=1, le=64, description="Threads of each of compress and encrypt.")
    senders: int = Field(default=4, ge=1, le=64, description="Parallel requests of one transfer.")
    self_check: bool = Field(
        default=True, description="Open and compare every frame while its plaintext is still in memory."
    )
    attempts: int = Field(
        default=5, ge=1, le=20, description="How often upload, verify and commit are tried before the run fails."
    )
    window_seconds: Window = WINDOW_SECONDS
    spool_limit: int = Field(
        default=DEFAULT_LIMIT, ge=16 * MIB, description="Bytes of ciphertext that may wait on the host."
    )
    pack_size: int = Field(
        default=PACK_SIZE, ge=MIB, le=64 * MIB, description="Bytes at which a pack is full; keep the default."
    )

    def section(self) -> dict[str, Any]:
        """Section `[backup]` of the configuration."""
        return self.model_dump(exclude={"attempts", "window_seconds"}, exclude_none=True)


DEFAULTS = BackupOptions()
