"""`python -m flows.reconcile`: make runs retryable whose process on this host is gone.

A run whose process was killed together with its worker stays Running for ever: Prefect refuses to retry it, and it
holds its concurrency slots. The worker's unit runs this before it starts the worker. Runs of other hosts stay as they
are.
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import ArtifactCreate
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterId,
    FlowRunFilterState,
    FlowRunFilterStateType,
    TaskRunFilter,
    TaskRunFilterState,
    TaskRunFilterStateType,
)
from prefect.client.schemas.objects import FlowRun, StateType, TaskRun
from prefect.states import Crashed

from flows import logs
from flows.host import ProcessMark
from proofkeep import events
from proofkeep.configuration.identity import host_name
from proofkeep.errors import PipelineError

_PAGE = 200
_UNDER_WAY = [StateType.RUNNING, StateType.CANCELLING]


@dataclass(frozen=True, slots=True)
class Reconciled:
    """A flow run that was set Crashed."""

    id: UUID
    name: str
    process: ProcessMark
    task_runs: int


def reconcile() -> list[Reconciled]:
    """Set every run of this host whose process is dead Crashed, with its task runs; concurrency slots come free."""
    done = []
    with get_client(sync_client=True) as client:
        for run in list(_under_way(client)):
            process = ProcessMark.from_labels(run.labels)
            if process is None or process.host != host_name() or not process.is_dead():
                continue
            message = f"process {process.pid} of host {process.host} is gone"
            task_runs = _crash_task_runs(client, run, message)
            client.set_flow_run_state(run.id, Crashed(message=message), force=True)
            client.create_artifact(_card(run, message))
            events.emit("flow-run-reconcile", flow_run_id=str(run.id), pid=process.pid, task_runs=task_runs)
            done.append(Reconciled(run.id, run.name, process, task_runs))
    return done


def _card(run: FlowRun, message: str) -> ArtifactCreate:
    text = f"# {run.name} crashed\n\n{message}.\n\n**What to do:** {PipelineError.hint}\n"
    return ArtifactCreate(type="markdown", key="crashed", description=message, data=text, flow_run_id=run.id)


def _under_way(client: SyncPrefectClient) -> Iterator[FlowRun]:
    wanted = FlowRunFilter(state=FlowRunFilterState(type=FlowRunFilterStateType(any_=_UNDER_WAY)))
    offset = 0
    while page := client.read_flow_runs(flow_run_filter=wanted, limit=_PAGE, offset=offset):
        yield from page
        offset += len(page)


def _crash_task_runs(client: SyncPrefectClient, run: FlowRun, message: str) -> int:
    """Task runs that died with their process: those that the server still shows under way."""
    unfinished = list(_unfinished_tasks(client, run))
    for task_run in unfinished:
        client.set_task_run_state(task_run.id, Crashed(message=message), force=True)
    return len(unfinished)


def _unfinished_tasks(client: SyncPrefectClient, run: FlowRun) -> Iterator[TaskRun]:
    mine = FlowRunFilter(id=FlowRunFilterId(any_=[run.id]))
    types = [*_UNDER_WAY, StateType.PENDING, StateType.SCHEDULED]
    wanted = TaskRunFilter(state=TaskRunFilterState(type=TaskRunFilterStateType(any_=types)))
    offset = 0
    while page := client.read_task_runs(flow_run_filter=mine, task_run_filter=wanted, limit=_PAGE, offset=offset):
        yield from page
        offset += len(page)


def main() -> int:
    """Reconcile, and say what was done."""
    logs.configure()
    for run in reconcile():
        what = f"Crashed with {run.task_runs} task runs; process {run.process.pid} is gone"
        sys.stdout.write(f"{run.id}  {run.name}  {what}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
