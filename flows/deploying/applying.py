"""Makes a server hold what an inventory wants. Done twice, it does nothing the second time."""

from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import DeploymentScheduleCreate, GlobalConcurrencyLimitUpdate, WorkPoolCreate
from prefect.client.schemas.objects import ConcurrencyLimitStrategy, ConcurrencyOptions
from prefect.client.schemas.schedules import CronSchedule
from prefect.exceptions import ObjectNotFound

from flows.deploying.differences import Change
from flows.deploying.fields import pull_steps
from flows.deploying.planning import POOL_TYPE, Plan, flow_of, form_of
from flows.deploying.removals import cancel_left, cancel_waiting
from flows.deploying.wanted import POOL, QUIET, Deployment
from proofkeep.errors import InventoryError, UsageError


def apply(client: SyncPrefectClient, plan: Plan) -> None:
    """Do what the plan says: pool, queues and limits before what needs them, removals first among deployments.

    Raises:
        InventoryError: something stands in the way; nothing was changed.
        UsageError: the work pool is of another type.
    """
    if plan.misfits:
        raise InventoryError(f"inventory {plan.inventory.name} does not fit this server: {'; '.join(plan.misfits)}")
    if any(change.kind == "work pool" and change.does == "change" for change in plan.changes):
        raise UsageError(f"work pool {POOL} is not of type {POOL_TYPE}")
    for change in plan.changes:
        _do(client, plan, change)


def _do(client: SyncPrefectClient, plan: Plan, change: Change) -> None:
    name = change.name
    if change.kind == "work pool":
        client.create_work_pool(WorkPoolCreate(name=POOL, type=POOL_TYPE))
    elif change.kind == "queue":
        _set_queue(client, name, plan.wanted.queues[name])
    elif change.kind == "concurrency limit":
        client.upsert_global_concurrency_limit_by_name(name, plan.wanted.limits[name])
        client.update_global_concurrency_limit(name, GlobalConcurrencyLimitUpdate(active=True))
    elif change.does == "remove":
        cancel_waiting(client, plan.held[name])
        client.delete_deployment(plan.held[name])
    else:
        deployment = next(each for each in plan.wanted.deployments if each.title == name)
        deployed = _deploy(client, deployment)
        if change.does == "change" and any(field.field == "queue" for field in change.fields):
            cancel_left(client, deployed, deployment.queue)


def _set_queue(client: SyncPrefectClient, name: str, limit: int) -> None:
    try:
        queue = client.read_work_queue_by_name(name, POOL)
    except ObjectNotFound:
        client.create_work_queue(name, concurrency_limit=limit, work_pool_name=POOL)
    else:
        client.update_work_queue(queue.id, concurrency_limit=limit)


def _deploy(client: SyncPrefectClient, deployment: Deployment) -> UUID:
    """Make the deployment, or everything of it anew: the server replaces one of the same flow and name. Its id."""
    deployed = client.create_deployment(
        client.create_flow(flow_of(deployment)),
        deployment.name,
        schedules=[
            DeploymentScheduleCreate(
                schedule=CronSchedule(cron=timing["cron"], timezone=timing["timezone"]), active=timing["active"]
            )
            for timing in deployment.schedules
        ],
        concurrency_limit=1,
        concurrency_options=ConcurrencyOptions(collision_strategy=ConcurrencyLimitStrategy.ENQUEUE),
        parameters=deployment.parameters,
        description=deployment.description,
        work_queue_name=deployment.queue,
        work_pool_name=POOL,
        tags=list(deployment.tags),
        entrypoint=deployment.entrypoint,
        parameter_openapi_schema=form_of(deployment),
        pull_steps=pull_steps(deployment),
        job_variables=QUIET,
        paused=False,
    )
    client.resume_deployment(deployed)
    return deployed
