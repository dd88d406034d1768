"""What a drill is asked to do, and where its scratch and its evidence lie. Decides nothing by itself."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from proofkeep.errors import UsageError
from proofkeep.ports import Source
from proofkeep.restore.files import Target
from proofkeep.state import RepositoryState

TYPES = ("scheduled", "surprise")
SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - held against statfs before anything is written there

_ID = re.compile("[a-z0-9][a-z0-9.-]{0,63}")


@dataclass(frozen=True, slots=True)
class Plan:
    """One drill.

    Attributes:
        id: names the drill and its evidence; lower case, at most 64 characters, never used twice.
        entries: names of inventory entries; empty for every entry of the repository.
        scenario: what is rehearsed, for people; `normal` where nothing special is.
        per_stratum: files drawn from each stratum.
        every_snapshot: draw from every snapshot, not only the newest complete and the oldest retained of each entry.
        read: fraction of the packs that the verify before the draw reads back, 0 to 1.
        largest: bytes; larger files stay out of the population, counted and said in the evidence.
        rto_seconds, rpo_seconds: targets to hold the drill against, where there are any.
    """

    id: str
    entries: tuple[str, ...] = ()
    type: str = "scheduled"
    scenario: str = "normal"
    per_stratum: int = 1
    every_snapshot: bool = False
    read: float = 0.0
    largest: int | None = None
    rto_seconds: int | None = None
    rpo_seconds: int | None = None

    def check(self) -> None:
        """Raise `UsageError` unless every field can be done as said."""
        if _ID.fullmatch(self.id) is None:
            raise UsageError("drill id must be 1 to 64 of a-z, 0-9, '.' and '-', a letter or digit first")
        if self.type not in TYPES:
            raise UsageError(f"drill {self.id} has type {self.type!r}, which is none of {', '.join(TYPES)}")
        if self.per_stratum < 1 or not 0 <= self.read <= 1:
            raise UsageError(f"drill {self.id} draws fewer than one file a stratum, or reads a fraction beyond 0 to 1")
        if any(value is not None and value < 1 for value in (self.largest, self.rto_seconds, self.rpo_seconds)):
            raise UsageError(f"drill {self.id} has a size limit or target that is not positive")


@dataclass(frozen=True, slots=True)
class Places:
    """Where a drill works on its host.

    Attributes:
        evidence: folder of all evidence; a drill's own lies in `<evidence>/<drill id>/`.
        make_target: grows a restored tree under a name that does not exist yet.
        tmpfs: a directory that is believed to lie in memory, used only if statfs says so; None for never.
        sealed: a directory for content sealed under a key that is thrown away; None to refuse instead.
    """

    evidence: Path
    make_target: Callable[[Path], Target]
    tmpfs: Path | None = SHARED_MEMORY
    sealed: Path | None = None


@dataclass(frozen=True, slots=True)
class Environment:
    """Who drills with what, as the evidence says it.

    Attributes:
        service: user the process runs as.
        lock: SHA-256 (hex) of the installed dependency lock, or "unknown".
        orchestrator: the Prefect flow run id, or None.
    """

    host: str
    service: str
    software: str
    lock: str
    orchestrator: str | None = None


@dataclass(frozen=True, slots=True)
class Live:
    """The source's host, seen from a process that runs there.

    Attributes:
        state: of this host, whose catalog remembers what each file was like when it was stored.
        entry: name of the inventory entry.
    """

    source: Source
    state: RepositoryState
    entry: str
