"""Make runs retryable whose process on this host is gone, and remove what their drills left in memory.

A run whose process was killed together with its worker stays Running for ever: Prefect refuses to retry it, and it
holds its concurrency slots. One that gave up on its server was set Crashed by whoever noticed, without a card. The
worker's unit runs `proofkeep reconcile` before it starts the worker, a timer every few minutes. Runs of other hosts
stay as they are.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterEndTime,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import FlowRun, State, StateType
from prefect.flows import Flow

from blocks.server import named_server
from flows.crashes import UNDER_WAY, crash, tell_crash
from flows.host import ProcessMark, at_work_on
from flows.scratch import sweep_memory
from proofkeep import events
from proofkeep.configuration.identity import host_name
from proofkeep.errors import ProcessGoneError

SETTLED = timedelta(minutes=1)
"""How long a worker is given to tell of a crash what it knows."""

_LOOKED_BACK = timedelta(days=7)
_PAGE = 200
_OURS = "proofkeep"
_CRASHED = {"state": "Crashed", "state_type": StateType.CRASHED.value}


@dataclass(frozen=True, slots=True)
class Reconciled:
    """A flow run that was set Crashed, or was Crashed and got its card.

    Attributes:
        process: that is gone; None where none had begun to work.
        task_runs: how many were set Crashed with the run.
    """

    id: UUID
    name: str
    process: ProcessMark | None
    task_runs: int = 0


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """What was done: runs that were set Crashed, and those that had been Crashed without a card."""

    crashed: list[Reconciled]
    told: list[Reconciled]


def reconcile(settled: timedelta = SETTLED) -> Reconciliation:
    """Set every run of this host whose process is dead Crashed, with its task runs; concurrency slots come free.

    Every Crashed run of this host's that has no card gets one, unless it crashed within `settled`.

    Raises:
        UsageError: as `named_server`.
        TargetError: plaintext that a drill left in memory cannot be removed; the runs are Crashed all the same.
    """
    done = Reconciliation([], [])
    left: list[Mapping[str, Any]] = [{}]
    with named_server() as client:
        for run in list(_pages(client, _under_way())):
            process = at_work_on(run)
            if process is None or not _is_gone(process) or not _still_under_way(client, run):
                continue
            task_runs = crash(client, run, ProcessGoneError(f"process {process.pid} of host {process.host} is gone"))
            events.emit("flow-run-reconcile", flow_run_id=str(run.id), pid=process.pid, task_runs=task_runs, **_CRASHED)
            done.crashed.append(Reconciled(run.id, run.name, process, task_runs))
            left.append(run.parameters)
        for run in list(_pages(client, _crashed(settled))):
            if _is_of_this_host(run) and tell_crash(client, run):
                events.emit("flow-run-told", flow_run_id=str(run.id), **_CRASHED)
                done.told.append(Reconciled(run.id, run.name, at_work_on(run)))
                left.append(run.parameters)
    for parameters in left:
        sweep_memory(parameters)
    return done


def bury(flow: Flow[..., Any], flow_run: FlowRun, state: State[Any]) -> None:  # noqa: ARG001 - Prefect's names
    """Hook of flows: a worker that outlives a run's process sets the run Crashed; task runs and card are left to us."""
    with named_server() as client:
        tell_crash(client, client.read_flow_run(flow_run.id))


def _is_gone(process: ProcessMark) -> bool:
    return process.host == host_name() and process.is_dead()


def _still_under_way(client: SyncPrefectClient, run: FlowRun) -> bool:
    """Whether the dead process left it so; it may have told its end between our two questions."""
    state = client.read_flow_run(run.id).state
    return state is not None and state.type in UNDER_WAY


def _is_of_this_host(run: FlowRun) -> bool:
    """Whether it ran here; one that no process has begun to work on was taken from this host's queue."""
    process = at_work_on(run)
    if process is not None:
        return process.host == host_name()
    return run.work_queue_name == host_name() and _OURS in run.tags


def _under_way() -> FlowRunFilter:
    return FlowRunFilter(state=FlowRunFilterState(type=FlowRunFilterStateType(any_=UNDER_WAY)))


def _crashed(settled: timedelta) -> FlowRunFilter:
    now = datetime.now(UTC)
    return FlowRunFilter(
        state=FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.CRASHED])),
        end_time=FlowRunFilterEndTime.model_validate({"after_": now - _LOOKED_BACK, "before_": now - settled}),
    )


def _pages(client: SyncPrefectClient, wanted: FlowRunFilter) -> Iterator[FlowRun]:
    offset = 0
    while page := client.read_flow_runs(flow_run_filter=wanted, limit=_PAGE, offset=offset):
        yield from page
        offset += len(page)
