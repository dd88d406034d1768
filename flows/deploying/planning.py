"""The plan: what a server holds, read and compared with what the inventory wants. Nothing is changed here."""

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import (
    DeploymentFilter,
    DeploymentFilterName,
    DeploymentFilterTags,
    FlowFilter,
    FlowFilterId,
)
from prefect.client.schemas.responses import DeploymentResponse
from prefect.exceptions import ObjectNotFound
from prefect.flows import Flow

from flows.deploying.block_claims import misfits
from flows.deploying.differences import Change, compare
from flows.deploying.fields import Fields, held_fields, wanted_fields
from flows.deploying.fleets import crowded
from flows.deploying.removals import moving, under_way, without_flows
from flows.deploying.wanted import OF_ENTRY, OURS, POOL, Deployment, Wanted, wanted
from flows.parameters import closed_form
from proofkeep.errors import UsageError
from proofkeep.inventory import Inventory
from proofkeep.progress import counted

POOL_TYPE = "process"
_PAGE = 200


@dataclass(frozen=True)
class Plan:
    """What an apply would do.

    Attributes:
        misfits: what stands in the way of it, in words.
        notes: what else comes of it, in words.
        held: ids of the deployments that the server holds, by their titles.
    """

    inventory: Inventory
    wanted: Wanted
    changes: list[Change]
    misfits: list[str]
    notes: list[str]
    held: Mapping[str, UUID]

    @property
    def is_empty(self) -> bool:
        """Whether the server holds what the inventory wants."""
        return not self.changes and not self.misfits


def plan(client: SyncPrefectClient, inventory: Inventory, *, allow_empty: bool = False) -> Plan:
    """Compare.

    Args:
        allow_empty: whether an inventory without any entry is meant, where it had some before.

    Raises:
        UsageError: as `flow_of`.
    """
    follows = wanted(inventory)
    mine = dict(_found(client, _marked(follows.mark)))
    titles = {each.title for each in follows.deployments}
    named = (pair for chosen in _named(follows) for pair in _found(client, chosen))
    same_names = {title: each for title, each in named if title in titles}
    foreign = sorted(set(same_names) - set(mine))
    changes = [
        *_pool(client),
        *compare("queue", *_queues(client, follows), ()),
        *compare("concurrency limit", *_limits(client, follows), ()),
        *compare(
            "deployment",
            {title: held_fields(each) for title, each in (mine | same_names).items()},
            {each.title: wanted_fields(each, form_of(each)) for each in follows.deployments},
            mine,
        ),
    ]
    in_the_way = [f"deployment {title} exists and is not of inventory {inventory.name}" for title in foreign]
    removed = {each.name: mine[each.name] for each in changes if each.kind == "deployment" and each.does == "remove"}
    in_the_way += () if allow_empty else _emptied(inventory, removed)
    in_the_way += [*crowded(client, inventory), *misfits(client, inventory), *under_way(client, removed)]
    moved = [
        each for each in follows.deployments if each.title in mine and mine[each.title].work_queue_name != each.queue
    ]
    notes = [
        *moving(client, {each.title: (mine[each.title].id, each.queue) for each in moved}),
        *without_flows(removed),
    ]
    return Plan(inventory, follows, changes, in_the_way, notes, {title: each.id for title, each in mine.items()})


def _emptied(inventory: Inventory, removed: Mapping[str, DeploymentResponse]) -> Iterator[str]:
    """A form that lost its list of entries looks the same as one that is meant so."""
    of_entries = [title for title, each in removed.items() if any(tag.startswith(OF_ENTRY) for tag in each.tags)]
    if of_entries and not inventory.entries:
        what = counted(len(of_entries), "deployment")
        said = f"{what} of its entries would be removed; `allow_empty` (`--allow-empty`) says that this is meant"
        yield f"inventory {inventory.name} has no entry any more: {said}"


def flow_of(deployment: Deployment) -> Flow[..., Any]:
    """The flow that a deployment starts. Raises `UsageError` where this checkout has none."""
    module, _, name = deployment.entrypoint.rpartition(".")
    found = getattr(import_module(module), name, None)
    if not isinstance(found, Flow):
        raise UsageError(f"entrypoint {deployment.entrypoint} is no flow of this checkout")
    return found


def form_of(deployment: Deployment) -> Any:
    """The form of the deployment's flow. Raises `UsageError` as `flow_of`."""
    return closed_form(flow_of(deployment))


def _pool(client: SyncPrefectClient) -> list[Change]:
    held: dict[str, Fields] = {}
    with contextlib.suppress(ObjectNotFound):
        held[POOL] = {"type": client.read_work_pool(POOL).type}
    return compare("work pool", held, {POOL: {"type": POOL_TYPE}}, ())


def _queues(client: SyncPrefectClient, follows: Wanted) -> tuple[dict[str, Fields], dict[str, Fields]]:
    held: dict[str, Fields] = {}
    for name in follows.queues:
        try:
            queue = client.read_work_queue_by_name(name, POOL)
        except ObjectNotFound:
            continue
        held[name] = {"limit": queue.concurrency_limit}
    return held, {name: {"limit": limit} for name, limit in follows.queues.items()}


def _limits(client: SyncPrefectClient, follows: Wanted) -> tuple[dict[str, Fields], dict[str, Fields]]:
    held: dict[str, Fields] = {}
    for name in follows.limits:
        try:
            limit = client.read_global_concurrency_limit_by_name(name)
        except ObjectNotFound:
            continue
        held[name] = {"limit": limit.limit, "active": limit.active}
    return held, {name: {"limit": limit, "active": True} for name, limit in follows.limits.items()}


def _marked(mark: str) -> DeploymentFilter:
    """Deployments that an earlier apply of this inventory made."""
    return DeploymentFilter(tags=DeploymentFilterTags(all_=[OURS, mark]))


def _named(follows: Wanted) -> Iterator[DeploymentFilter]:
    """Deployments of the names that are wanted, of whichever flow."""
    names = sorted({each.name for each in follows.deployments})
    for at in range(0, len(names), _PAGE):
        yield DeploymentFilter(name=DeploymentFilterName(any_=names[at : at + _PAGE]))


def _found(client: SyncPrefectClient, chosen: DeploymentFilter) -> Iterator[tuple[str, DeploymentResponse]]:
    """What the server holds, by title."""
    offset, flows = 0, dict[UUID, str]()
    while page := client.read_deployments(deployment_filter=chosen, limit=_PAGE, offset=offset):
        offset += len(page)
        if missing := {each.flow_id for each in page} - set(flows):
            found = client.read_flows(flow_filter=FlowFilter(id=FlowFilterId(any_=list(missing))), limit=_PAGE)
            flows |= {flow.id: flow.name for flow in found}
        for each in page:
            yield f"{flows[each.flow_id]}/{each.name}", each
