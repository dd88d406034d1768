"""What is backed up, from where to where, how often, for how long, and who answers for it.

Pydantic, unlike the rest of the configuration: the same model is the parameter of a Prefect flow, whose form in the UI
and whose published schema follow from it. Values are names, never keys.
"""

from datetime import UTC, datetime, timedelta
from typing import Literal, Self
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from proofkeep.configuration.duration import parse_duration, spell_duration
from proofkeep.inventory.cron import Cron
from proofkeep.inventory.fields import (
    AbsolutePath,
    CronText,
    DaysText,
    DurationText,
    HostName,
    Line,
    Name,
    ZoneText,
    control_queue,
)

_DAY_SECONDS = 86_400
_HOUR = timedelta(hours=1)
_ANY_DAY = datetime(2000, 1, 1, tzinfo=UTC)
_LEAST_SPOOL = 16 << 20
_RUNS_OF_A_FLEET = 2  # itself, and a backup that it waits for

Place = tuple[str | int, ...]
"""Where in the document something stands: keys and list positions from the root down."""


class _Section(BaseModel):
    # Somebody may type a secret into the wrong field: refused, it must not appear in logs either.
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, hide_input_in_errors=True)


class Schedule(_Section):
    """When something runs."""

    cron: CronText = Field(description="Five fields: minute, hour, day of the month, month, day of the week.")
    timezone: ZoneText = Field(default="UTC", description="Time zone in which the cron expression is read.")
    window: DurationText = Field(
        default="1h", description="How late a run may start; a later one runs too, and says that it missed its window."
    )

    @property
    def window_seconds(self) -> int:
        """How late a run may start."""
        return parse_duration(self.window)

    @model_validator(mode="after")
    def _may_be_missed(self) -> Self:
        """A window that outlasts every wait between two runs is a slip; one of an hour, the default, always may be."""
        longest = Cron.parse(self.cron).longest_interval(ZoneInfo(self.timezone), _ANY_DAY)
        if self.window_seconds > max(longest, _HOUR).total_seconds():
            words = spell_duration(int(longest.total_seconds()))
            raise ValueError(f"window {self.window!r} is longer than the {words} between two runs: none would miss it")
        return self


class Drill(Schedule):
    """How often the entry's snapshots are restored for proof, and where."""

    host: HostName | None = Field(
        default=None, description="Host that holds the restore role; empty drills on the entry's own host."
    )


class Verify(Schedule):
    """How often a repository is held against its ledger."""

    read: float = Field(default=0.1, ge=0, le=1, description="Share of the packs that is read back.")


class Host(_Section):
    """A machine with a worker, on a work queue of the same name and on one whose name ends in `-control`."""

    name: HostName = Field(description="Name of the host, and of its work queue.")
    checkout: AbsolutePath = Field(default="/opt/proofkeep", description="Where Proofkeep is installed on it.")
    limit: int = Field(default=2, ge=1, le=1000, description="Runs at once on it; 2 at least on the control host.")


class Repository(_Section):
    """Where backups go, how they travel and which keys they are sealed under. A Repository block of the same name."""

    name: Name = Field(description="Name of the repository and of its block.")
    host: HostName = Field(description="Host on which verify and restore run.")
    location: Line = Field(description="Where the packs lie, in the same words as the locations of sources.")
    transport: Literal["tls", "local"] = Field(description="How packs travel: over TLS, or not at all.")
    key: Name = Field(description="Name of the Key Provider block of the backup role.")
    restore_key: Name | None = Field(
        default=None, description="Name of the Key Provider block that can decrypt; needed by drills and restores."
    )
    restore_target: AbsolutePath = Field(
        default="/var/tmp/proofkeep-restored",  # noqa: S108 - a directory made anew by the restore, else refused
        description="Directory that a restore makes unless somebody names another.",
    )
    verify: Verify | None = Field(default=None, description="When it is verified; empty never is.")
    limit: int = Field(default=4, ge=1, le=1000, description="Backups into it at once, from all hosts.")


class Entry(_Section):
    """One source and the promise made for it."""

    name: Name = Field(description="Name of the entry; its snapshots carry it for ever.")
    system: Line = Field(description="System that the source belongs to, as the system security plan calls it.")
    host: HostName = Field(description="Host that holds the source.")
    source: Name = Field(description="Name of the Source block.")
    cui: bool = Field(description="Whether the source holds controlled unclassified information.")
    location: Line = Field(description="Where the source lies: a site, a building, a region.")
    repository: Name = Field(description="Repository that its backups go into, and so their location, transport, key.")
    schedule: Schedule | None = Field(default=None, description="When it is backed up; empty leaves it to fleet.")
    allowed_age: DurationText = Field(description="Age its newest verified snapshot may reach, such as 26h.")
    retention: DaysText | None = Field(default=None, description="How long a snapshot is kept, such as 90d.")
    spool_limit: int | None = Field(
        default=None,
        ge=_LEAST_SPOOL,
        description="Bytes of ciphertext that may wait on the host; empty is 8 GiB.",
    )
    allow_empty: bool = Field(default=False, description="Whether a source without anything in it is meant.")
    drill: Drill | None = Field(default=None, description="When its restore is drilled; empty never is.")
    owner: Line | None = Field(default=None, description="Role or person who answers for the source.")

    @property
    def allowed(self) -> timedelta:
        """Allowed age of the newest verified snapshot."""
        return timedelta(seconds=parse_duration(self.allowed_age))

    @property
    def retention_days(self) -> int | None:
        """Whole days a snapshot is kept; None promises no date."""
        return None if self.retention is None else parse_duration(self.retention) // _DAY_SECONDS


class Inventory(_Section):
    """Everything that is backed up under one responsibility."""

    version: Literal[1] = Field(default=1, description="Version of this document's form.")
    name: Name = Field(description="Marks what follows from this inventory at the server; several may share one.")
    control_host: HostName = Field(description="Host whose worker runs the inventory's own flows.")
    hosts: list[Host] = Field(min_length=1, description="Machines with workers.")
    repositories: list[Repository] = Field(min_length=1, description="Where backups go.")
    entries: list[Entry] = Field(description="What is backed up.")
    fleet: Schedule | None = Field(default=None, description="When all entries run at once, if they do.")

    @model_validator(mode="after")
    def _names_fit(self) -> Self:
        for place, problem in self.misfits():
            raise PydanticCustomError("misfit", "{problem}", {"problem": problem, "place": place})
        return self

    def host(self, name: str) -> Host:
        """The host of that name."""
        return next(host for host in self.hosts if host.name == name)

    def repository(self, name: str) -> Repository:
        """The repository of that name."""
        return next(repository for repository in self.repositories if repository.name == name)

    def misfits(self) -> list[tuple[Place, str]]:
        """Names that are there twice, or that name nothing."""
        hosts = {host.name for host in self.hosts}
        repositories = {repository.name: repository for repository in self.repositories}
        found: list[tuple[Place, str]] = []
        for section, items in (("hosts", self.hosts), ("repositories", self.repositories), ("entries", self.entries)):
            names = [item.name for item in items]
            twice = (at for at, name in enumerate(names) if name in names[:at])
            found += [((section, at, "name"), f"{names[at]} is there twice") for at in twice]
        named: list[tuple[Place, str]] = [(("control_host",), self.control_host)]
        named += [(("repositories", at, "host"), each.host) for at, each in enumerate(self.repositories)]
        found += [*self._deadlocks(), *self._second_queues()]
        for at, entry in enumerate(self.entries):
            named.append((("entries", at, "host"), entry.host))
            if entry.drill and entry.drill.host:
                named.append((("entries", at, "drill", "host"), entry.drill.host))
            repository = repositories.get(entry.repository)
            if repository is None:
                found.append((("entries", at, "repository"), f"{entry.repository} is no repository of this inventory"))
            elif entry.drill and repository.restore_key is None:
                problem = f"a drill decrypts, and repository {repository.name} names no restore_key"
                found.append((("entries", at, "drill"), problem))
        return found + [(place, f"{name} is no host of this inventory") for place, name in named if name not in hosts]

    def _deadlocks(self) -> list[tuple[Place, str]]:
        """A fleet holds one of its host's slots for as long as the backups take, which it waits for."""
        here = any(entry.host == self.control_host for entry in self.entries)
        problem = "a fleet takes one run of its control host and waits for backups there, so that it needs 2 at least"
        return [
            (("hosts", at, "limit"), problem)
            for at, host in enumerate(self.hosts)
            if here and host.name == self.control_host and host.limit < _RUNS_OF_A_FLEET
        ]

    def _second_queues(self) -> list[tuple[Place, str]]:
        """A worker takes runs from two queues: neither may be another host's."""
        taken = {control_queue(host.name) for host in self.hosts}
        return [
            (("hosts", at, "name"), f"{host.name} is the control queue of another host")
            for at, host in enumerate(self.hosts)
            if host.name in taken
        ]
