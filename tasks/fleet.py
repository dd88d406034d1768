"""One entry of a fleet: its deployment is started on its own host's queue, and waited for."""

from itertools import count
from typing import Any
from uuid import UUID

from prefect import task
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterDeploymentId, FlowRunFilterParentFlowRunId
from prefect.client.schemas.objects import FlowRun
from prefect.context import TaskRunContext
from prefect.deployments import run_deployment
from prefect.exceptions import ObjectNotFound

from proofkeep.errors import EntriesFailedError
from tasks.boundary import only_our_errors
from tasks.elsewhere import asked_for, wait_for
from tasks.kinds import DURABLE, Receipt


def _entry_key(context: TaskRunContext, parameters: dict[str, Any]) -> str:
    """On a retry of the fleet, entries that were backed up come back as they ended."""
    return f"{context.task.name}-{context.task_run.flow_run_id}-{parameters['deployment']}"


@task(name="run_entry", task_run_name="run-{deployment}", cache_key_fn=_entry_key, **DURABLE)
def run_entry(deployment: str, silence_seconds: int) -> Receipt:
    """Run a deployment and wait until it has ended, or was given up as `wait_for` has it.

    A fleet whose process died left what it started at work: its retry waits for that, and starts again what failed.

    Raises:
        UsageError: as `asked_for`.
        EntriesFailedError: it did not end well, or somebody deleted it.
    """
    with only_our_errors("run_entry"):
        with asked_for(deployment):
            key = _run_key(_this_fleet(), deployment)
            run: FlowRun = run_deployment(  # type: ignore[assignment] # sync
                deployment, timeout=0, idempotency_key=key
            )
        try:
            run = wait_for(run, silence_seconds)
        except ObjectNotFound:
            raise EntriesFailedError(f"run {run.id} of {deployment} was deleted before it had ended") from None
        if run.state is None or not run.state.is_completed():
            said = f": {run.state.message}" if run.state and run.state.message else ""
            raise EntriesFailedError(f"run {run.id} of {deployment} is {run.state_name or 'unknown'}{said}")
        return {"run": str(run.id), "state": run.state_name, "seconds": round(run.total_run_time.total_seconds())}


def _this_fleet() -> UUID:
    context = TaskRunContext.get()
    if context is None or context.task_run.flow_run_id is None:
        raise AssertionError("no task run of a flow run")
    return context.task_run.flow_run_id


def _run_key(fleet: UUID, deployment: str) -> str:
    """Of the run that this fleet has started and that did not fail, by which Prefect gives it back; else a new one."""
    with get_client(sync_client=True) as client:
        found = client.read_deployment_by_name(deployment)
        started = FlowRunFilter(
            parent_flow_run_id=FlowRunFilterParentFlowRunId(any_=[fleet]),
            deployment_id=FlowRunFilterDeploymentId(any_=[found.id]),
        )
        runs = {run.idempotency_key: run for run in client.read_flow_runs(flow_run_filter=started)}
    keys = (f"{fleet}-{deployment}-{number}" for number in count())
    return next(key for key in keys if key not in runs or not _has_failed(runs[key]))


def _has_failed(run: FlowRun) -> bool:
    return run.state is not None and run.state.is_final() and not run.state.is_completed()
