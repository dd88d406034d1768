"""Runs of deployments that an inventory has no more: one under way keeps its deployment, one that waits is cancelled.

Without its deployment a server takes no end of a run until the lease of its slot is over, and accepts a Retry that no
worker can take. Of one that moved to another queue, a run that waits would read an old source when its host comes back.
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
from prefect.client.schemas.responses import DeploymentResponse
from prefect.states import Cancelled

from flows.crashes import UNDER_WAY
from flows.deploying.wanted import RESUME_TRANSFERS
from flows.reconcile import pages
from flows.superseded import waits
from proofkeep.inventory import host_of


def under_way(client: SyncPrefectClient, removed: Mapping[str, DeploymentResponse]) -> list[str]:
    """What stands in the way of removing deployments, by their titles: each run that a worker has taken."""
    return [
        f"deployment {title} is to be removed, and its run {run.name} has not ended: let it end, or cancel it"
        for title, deployment in removed.items()
        for run in _runs(client, deployment.id, [*UNDER_WAY, StateType.PENDING])
    ]


def without_flows(removed: Mapping[str, DeploymentResponse]) -> Iterator[str]:
    """Hosts that back nothing up into a repository any more: no deployment sends what waits there."""
    for each in removed.values():
        if each.entrypoint == RESUME_TRANSFERS and each.work_queue_name:
            host, repository = host_of(each.work_queue_name), each.parameters.get("repository")
            yield (
                f"host {host} backs nothing up into repository {repository} any more: its resume_transfers and abandon "
                "go, and `proofkeep status` on the host shows what waits there"
            )


def cancel_waiting(client: SyncPrefectClient, deployment: UUID) -> None:
    """Cancel what is due of a deployment that is removed now; what is planned ahead goes with it."""
    for run in _waiting(client, deployment):
        client.set_flow_run_state(run.id, Cancelled(message="its deployment was removed"))


def cancel_left(client: SyncPrefectClient, deployment: UUID, queue: str) -> None:
    """Cancel what is due of a deployment on another queue than it has moved to; a run keeps the queue it came with."""
    for run in _left(client, deployment, queue):
        sealed = f"; `proofkeep resume-transfers {run.id.hex}` on this run's host sends what it had sealed"
        said = f"its deployment moved to work queue {queue}{sealed if run.run_count else ''}"
        client.set_flow_run_state(run.id, Cancelled(message=said))


def moving(client: SyncPrefectClient, moved: Mapping[str, tuple[UUID, str]]) -> Iterator[str]:
    """What `cancel_left` will cancel, a line for each deployment: its title, id and new queue are given."""
    for title, (deployment, queue) in moved.items():
        if waiting := _left(client, deployment, queue):
            names = ", ".join(run.name for run in waiting)
            yield f"deployment {title} moves to queue {queue}: what waits on the one it leaves is cancelled ({names})"


def _left(client: SyncPrefectClient, deployment: UUID, queue: str) -> list[FlowRun]:
    return [run for run in _waiting(client, deployment) if run.work_queue_name != queue]


def _waiting(client: SyncPrefectClient, deployment: UUID) -> list[FlowRun]:
    """What is due, asked for by a person or waits for a Retry; not what a schedule plans ahead."""
    runs = _runs(client, deployment, [StateType.SCHEDULED])
    return [run for run in runs if run.run_count or not run.auto_scheduled or waits(run)]


def _runs(client: SyncPrefectClient, deployment: UUID, types: Iterable[StateType]) -> Iterator[FlowRun]:
    return pages(
        client,
        FlowRunFilter(
            deployment_id=FlowRunFilterDeploymentId(any_=[deployment]),
            state=FlowRunFilterState(type=FlowRunFilterStateType(any_=[*types])),
        ),
    )
