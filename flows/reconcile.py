"""Make runs retryable whose process on this host is gone, and remove what their drills left in memory.

A run whose process was killed together with its worker stays Running for ever: Prefect refuses to retry it, and it
holds its concurrency slots. The worker's unit runs `proofkeep reconcile` before it starts the worker. Runs of other
hosts stay as they are.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterId,
    FlowRunFilterState,
    FlowRunFilterStateType,
    TaskRunFilter,
    TaskRunFilterState,
    TaskRunFilterStateType,
)
from prefect.client.schemas.objects import FlowRun, State, StateType, TaskRun
from prefect.flows import Flow
from prefect.states import Crashed

from blocks.server import named_server
from flows.host import ProcessMark
from flows.outside import tell_outside
from flows.scratch import sweep_memory
from proofkeep import events
from proofkeep.configuration.identity import host_name
from proofkeep.errors import ProcessGoneError

_PAGE = 200
_CRASHED = {"state": "Crashed", "state_type": StateType.CRASHED.value}
_UNDER_WAY = [StateType.RUNNING, StateType.CANCELLING]


@dataclass(frozen=True, slots=True)
class Reconciled:
    """A flow run that was set Crashed."""

    id: UUID
    name: str
    process: ProcessMark
    task_runs: int


def reconcile() -> list[Reconciled]:
    """Set every run of this host whose process is dead Crashed, with its task runs; concurrency slots come free.

    Raises:
        UsageError: as `named_server`.
        TargetError: plaintext that a drill left in memory cannot be removed; the runs are Crashed all the same.
    """
    done = []
    left: list[Mapping[str, Any]] = [{}]
    with named_server() as client:
        for run in list(_under_way(client)):
            process = ProcessMark.from_labels(run.labels)
            if process is None or process.host != host_name() or not process.is_dead():
                continue
            error = _gone(process)
            task_runs = _crash_task_runs(client, run, str(error))
            client.set_flow_run_state(run.id, Crashed(message=str(tell_outside(client, run, error))), force=True)
            events.emit("flow-run-reconcile", flow_run_id=str(run.id), pid=process.pid, task_runs=task_runs, **_CRASHED)
            done.append(Reconciled(run.id, run.name, process, task_runs))
            left.append(run.parameters)
    for parameters in left:
        sweep_memory(parameters)
    return done


def bury(flow: Flow[..., Any], flow_run: FlowRun, state: State[Any]) -> None:  # noqa: ARG001 - Prefect's names
    """Hook of flows: a worker that outlives a run's process sets the run Crashed; task runs and card are left to us."""
    with named_server() as client:
        run = client.read_flow_run(flow_run.id)
        process = ProcessMark.from_labels(run.labels)
        if process is None:
            tell_outside(client, run, ProcessGoneError(f"no process has begun to work on run {run.id}"))
        elif process.host == host_name() and process.is_dead():
            error = _gone(process)
            _crash_task_runs(client, run, str(error))
            tell_outside(client, run, error)


def _gone(process: ProcessMark) -> ProcessGoneError:
    return ProcessGoneError(f"process {process.pid} of host {process.host} is gone")


def _under_way(client: SyncPrefectClient) -> Iterator[FlowRun]:
    wanted = FlowRunFilter(state=FlowRunFilterState(type=FlowRunFilterStateType(any_=_UNDER_WAY)))
    offset = 0
    while page := client.read_flow_runs(flow_run_filter=wanted, limit=_PAGE, offset=offset):
        yield from page
        offset += len(page)


def _crash_task_runs(client: SyncPrefectClient, run: FlowRun, message: str) -> int:
    """Task runs that died with their process: those that the server still shows under way.

    It gives a slot of a tag's limit back with that; the lease would hold it for another minute.
    """
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
