"""What a Prefect server should hold: derived from the inventory alone."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from flows.lateness import WINDOW_SECONDS
from flows.limits import repository_limit
from proofkeep.inventory import Entry, Host, Inventory, Repository, Schedule, control_queue

POOL = "proofkeep"
OURS = "proofkeep"
OF_ENTRY = "entry:"
QUIET = {"env": {"DO_NOT_TRACK": "1", "PREFECT_SERVER_ANALYTICS_ENABLED": "false"}}

CONTROL_LIMIT = 8
"""Runs at once on a host's control queue: all are short but `restore` and `resume_transfers`, one each a repository."""

RESUME_TRANSFERS = "flows.resume_transfers.resume_transfers"
"""Entrypoint of what each host has for each repository that it backs up into."""

_CONTROL = {
    "flows.status.status",
    "flows.restore.restore",
    "flows.spot_check.spot_check",
    RESUME_TRANSFERS,
    "flows.abandon.abandon",
}
"""What is short, or a person or a drill waits for."""

_STATUS_CRON = "50 * * * *"

Timing = dict[str, Any]
"""`cron`, `timezone` and `active`."""


@dataclass(frozen=True, slots=True)
class Deployment:
    """One deployment, in the words in which the server tells it.

    Attributes:
        entrypoint: `module.function`, whose last part is the flow's name.
        queue: of the work pool; the host's name, or its control queue.
        checkout: directory on that host in which the flow starts.
    """

    name: str
    entrypoint: str
    description: str
    queue: str
    checkout: str
    parameters: dict[str, Any]
    tags: tuple[str, ...]
    schedules: tuple[Timing, ...] = ()

    @property
    def flow(self) -> str:
        """Name of the flow."""
        return self.entrypoint.rpartition(".")[2]

    @property
    def title(self) -> str:
        """`flow/name`, as Prefect's commands take it."""
        return f"{self.flow}/{self.name}"


@dataclass(frozen=True, slots=True)
class Wanted:
    """Everything that follows from an inventory.

    Attributes:
        queues: runs at once by work queue.
        limits: slots by global concurrency limit.
        mark: tag by which a later apply knows what this inventory made.
    """

    mark: str
    queues: dict[str, int]
    limits: dict[str, int]
    deployments: list[Deployment] = field(default_factory=list)


def mark_of(inventory: Inventory) -> str:
    """The tag of whatever follows from it."""
    return f"inventory:{inventory.name}"


def wanted(inventory: Inventory) -> Wanted:
    """What follows."""
    return Wanted(
        mark_of(inventory),
        {host.name: host.limit for host in inventory.hosts}
        | {control_queue(host.name): CONTROL_LIMIT for host in inventory.hosts},
        {repository_limit(each.name): each.limit for each in inventory.repositories},
        list(_Deriving(inventory).all()),
    )


class _Deriving:
    def __init__(self, inventory: Inventory) -> None:
        self._inventory = inventory

    def all(self) -> Iterator[Deployment]:
        for entry in self._inventory.entries:
            yield from self._of_entry(entry, self._inventory.repository(entry.repository))
        for repository in self._inventory.repositories:
            yield from self._of_repository(repository)
        for repository in self._inventory.repositories:
            for host in self._inventory.hosts:
                entries = [each for each in self._inventory.entries if _runs(each, host, repository)]
                if entries or self._proves(host, repository):
                    yield self._status(host, repository, entries)
                if entries:
                    yield from self._of_spool(host, repository)
        yield from self._of_inventory()

    def _of_entry(self, entry: Entry, repository: Repository) -> Iterator[Deployment]:
        mine = {"entry": entry.name, "repository": repository.name, "source": entry.source}
        tag = f"{OF_ENTRY}{entry.name}"
        yield self._made(
            "flows.backup.backup",
            entry.name,
            entry.host,
            f"Back up entry {entry.name} of {entry.system}; owner: {entry.owner or 'nobody'}.",
            mine | _options(entry),
            ("backup", tag),
            entry.schedule,
        )
        yield self._made(
            "flows.spot_check.spot_check",
            entry.name,
            entry.host,
            f"Tell a drill the keyed digests of live files of entry {entry.name}; started by restore_drill.",
            mine,
            ("drill", tag),
        )
        if (drill := entry.drill) is None:
            return
        host = drill.host or entry.host
        asked = {"source": entry.source} if host == entry.host else {"deployment": f"spot_check/{entry.name}"}
        yield self._made(
            "flows.drill.restore_drill",
            entry.name,
            host,
            f"Draw, restore, compare and attack a sample of entry {entry.name}; leaves evidence.",
            {
                "repository": repository.name,
                "keys": repository.restore_key,
                "entries": [entry.name],
                "live": [{"entry": entry.name} | asked],
            }
            | ({"options": options} if (options := _window(drill)) else {}),
            ("drill", tag),
            drill,
        )

    def _of_repository(self, repository: Repository) -> Iterator[Deployment]:
        mine: dict[str, Any] = {"repository": repository.name}
        tag = f"repository:{repository.name}"
        verify = repository.verify
        yield self._made(
            "flows.verify.verify",
            repository.name,
            repository.host,
            f"Hold repository {repository.name} against its ledger, and read a part of its packs back.",
            mine | ({} if verify is None else {"read": verify.read}) | _window(verify),
            ("verify", tag),
            verify,
        )
        if repository.restore_key is not None:
            yield self._made(
                "flows.restore.restore",
                repository.name,
                repository.host,
                f"Restore a snapshot of repository {repository.name} into a directory; started by a person.",
                mine | {"keys": repository.restore_key, "target": repository.restore_target},
                ("restore", tag),
            )

    def _proves(self, host: Host, repository: Repository) -> bool:
        """Whether the host verifies the repository or drills an entry of it: its history alone knows how that ended."""
        drills = [each.drill for each in self._inventory.entries if each.repository == repository.name]
        return host.name in {repository.host, *(drill.host for drill in drills if drill is not None)}

    def _status(self, host: Host, repository: Repository, entries: list[Entry]) -> Deployment:
        """Whether all is well with what one host does for one repository; `entries` are those that it backs up."""
        watched = [{"entry": each.name, "source": each.source} | _drilled_on(each) for each in entries]
        mine = (each for each in self._inventory.entries if each.repository == repository.name)
        drilled = [each.name for each in mine if _drilled_on(each) == {"drilled_on": host.name}]
        return self._made(
            "flows.status.status",
            f"{repository.name}-{host.name}",
            host.name,
            f"Show every hour what of host {host.name} is overdue, failed or left over; Failed while something is.",
            {"repository": repository.name, "entries": watched} | ({"drilled": drilled} if drilled else {}),
            ("status", f"repository:{repository.name}"),
            Schedule(cron=_STATUS_CRON),
        )

    def _of_spool(self, host: Host, repository: Repository) -> Iterator[Deployment]:
        """What a person does about what one host keeps for one repository."""
        name = f"{repository.name}-{host.name}"
        mine: dict[str, Any] = {"repository": repository.name}
        tag = f"repository:{repository.name}"
        yield self._made(
            RESUME_TRANSFERS,
            name,
            host.name,
            f"Send what waits in the spool of host {host.name}; started by a person.",
            mine,
            ("recovery", tag),
        )
        yield self._made(
            "flows.abandon.abandon",
            name,
            host.name,
            f"Give up what a run left in the spool of host {host.name}; started by a person.",
            mine,
            ("recovery", tag),
        )

    def _of_inventory(self) -> Iterator[Deployment]:
        inventory = self._inventory
        yield self._made(
            "flows.fleet.fleet",
            inventory.name,
            inventory.control_host,
            f"Back up every entry of inventory {inventory.name} at once, each on its own host.",
            {"inventory": inventory.name, "deployments": [f"backup/{entry.name}" for entry in inventory.entries]}
            | _window(inventory.fleet),
            ("fleet",),
            inventory.fleet,
        )
        yield self._made(
            "flows.apply_inventory.apply_inventory",
            inventory.name,
            inventory.control_host,
            f"Show inventory {inventory.name} as a form; apply what was changed, tell what is uncovered.",
            {"inventory": inventory.model_dump(mode="json")},
            ("inventory",),
        )

    def _made(
        self,
        entrypoint: str,
        name: str,
        host: str,
        description: str,
        parameters: dict[str, Any],
        tags: tuple[str, ...],
        schedule: Schedule | None = None,
    ) -> Deployment:
        timing = () if schedule is None else ({"cron": schedule.cron, "timezone": schedule.timezone, "active": True},)
        marks = (OURS, mark_of(self._inventory), *tags)
        checkout = self._inventory.host(host).checkout
        queue = control_queue(host) if entrypoint in _CONTROL else host
        return Deployment(name, entrypoint, description, queue, checkout, parameters, tuple(sorted(marks)), timing)


def _runs(entry: Entry, host: Host, repository: Repository) -> bool:
    return (entry.host, entry.repository) == (host.name, repository.name)


def _drilled_on(entry: Entry) -> dict[str, str]:
    """The host that drills the entry, where that is another one than it lies on."""
    host = entry.drill.host if entry.drill else None
    return {} if host in {None, entry.host} else {"drilled_on": str(host)}


def _options(entry: Entry) -> dict[str, Any]:
    """Options of the backup; nothing where its defaults are meant, so that they stay those of the software."""
    options: dict[str, Any] = {}
    if entry.retention_days is not None:
        options["expiry_days"] = entry.retention_days
    options |= _window(entry.schedule)
    if entry.spool_limit is not None:
        options["spool_limit"] = entry.spool_limit
    if entry.allow_empty:
        options["allow_empty"] = True
    return {"options": options} if options else {}


def _window(schedule: Schedule | None) -> dict[str, int]:
    """How late a run may start, where that is not what its flow takes anyway."""
    if schedule is None or schedule.window_seconds == WINDOW_SECONDS:
        return {}
    return {"window_seconds": schedule.window_seconds}
