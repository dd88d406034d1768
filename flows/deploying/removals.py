"""Runs of deployments that an inventory has no more: one under way keeps its deployment, one that waits is cancelled.

Without its deployment a server takes no end of a run until the lease of its slot is over, and accepts a Retry that no
worker can take.
"""

from collections.abc import Iterable, Iterator, Mapping
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterDeploymentId,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.states import Cancelled

from flows.crashes import UNDER_WAY
from flows.reconcile import pages
from flows.superseded import waits


def under_way(client: SyncPrefectClient, removed: Mapping[str, UUID]) -> list[str]:
    """What stands in the way of removing deployments, by their titles: each run that a worker has taken."""
    return [
        f"deployment {title} is to be removed, and its run {run.name} has not ended: let it end, or cancel it"
        for title, deployment in removed.items()
        for run in _runs(client, deployment, [*UNDER_WAY, StateType.PENDING])
    ]


def cancel_waiting(client: SyncPrefectClient, deployment: UUID) -> None:
    """Cancel what is due of a deployment that is removed now; what is planned ahead goes with it."""
    for run in list(_runs(client, deployment, [StateType.SCHEDULED])):
        if run.run_count or not run.auto_scheduled or waits(run):
            client.set_flow_run_state(run.id, Cancelled(message="its deployment was removed"))


def _runs(client: SyncPrefectClient, deployment: UUID, types: Iterable[StateType]) -> Iterator[FlowRun]:
    return pages(
        client,
        FlowRunFilter(
            deployment_id=FlowRunFilterDeploymentId(any_=[deployment]),
            state=FlowRunFilterState(type=FlowRunFilterStateType(any_=[*types])),
        ),
    )
