"""One entry of a fleet: its deployment is started on its own host's queue, and waited for."""

from typing import Any

from prefect import task
from prefect.client.schemas.objects import FlowRun
from prefect.context import TaskRunContext
from prefect.deployments import run_deployment
from prefect.exceptions import ObjectNotFound

from proofkeep.errors import EntriesFailedError, UsageError
from tasks.boundary import only_our_errors
from tasks.kinds import DURABLE, Receipt

_POLL_SECONDS = 2.0


def _entry_key(context: TaskRunContext, parameters: dict[str, Any]) -> str:
    """On a retry of the fleet, entries that were backed up come back as they ended."""
    return f"{context.task.name}-{context.task_run.flow_run_id}-{parameters['deployment']}"


@task(name="run_entry", task_run_name="run-{deployment}", cache_key_fn=_entry_key, **DURABLE)
def run_entry(deployment: str) -> Receipt:
    """Run a deployment and wait until it has ended.

    Raises:
        UsageError: there is no such deployment.
        EntriesFailedError: it did not end well.
    """
    with only_our_errors("run_entry"):
        try:
            run: FlowRun = run_deployment(deployment, poll_interval=_POLL_SECONDS)  # type: ignore[assignment] # sync
        except ObjectNotFound:
            raise UsageError(f"deployment {deployment} does not exist at this prefect server") from None
        if run.state is None or not run.state.is_completed():
            said = f": {run.state.message}" if run.state and run.state.message else ""
            raise EntriesFailedError(f"run {run.id} of {deployment} is {run.state_name or 'unknown'}{said}")
        return {"run": str(run.id), "state": run.state_name, "seconds": round(run.total_run_time.total_seconds())}
