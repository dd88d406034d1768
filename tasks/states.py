"""State changes of flow and task runs as events: a hook for both, since Prefect's own log lines are prose."""

from typing import Any

from prefect.client.schemas.objects import FlowRun, State, TaskRun
from prefect.flows import Flow
from prefect.tasks import Task

from proofkeep import events


def tell_state(subject: Flow[..., Any] | Task[..., Any], run: FlowRun | TaskRun, state: State[Any]) -> None:
    """Emit `flow-run-state` or `task-run-state` with the state's name and its attempt, never its message."""
    outcome = "success" if state.is_completed() else "failure" if state.is_failed() or state.is_crashed() else "unknown"
    fields: dict[str, Any] = {"state": state.name, "state_type": state.type.value}
    if isinstance(run, TaskRun):
        fields |= {"attempt": run.run_count}
        ids = {"flow_run_id": str(run.flow_run_id), "task_run_id": str(run.id), "task": subject.name}
        events.emit("task-run-state", outcome=outcome, **ids, **fields)
    else:
        # A flow's engine still holds the run as it was read before this attempt began.
        fields |= {"attempt": run.run_count + state.is_running()}
        events.emit("flow-run-state", outcome=outcome, flow_run_id=str(run.id), flow=subject.name, **fields)
