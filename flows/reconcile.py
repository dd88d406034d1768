"""Make runs retryable whose process on this host is gone, and remove what they left in memory and temporary files.

A run whose process was killed together with its worker stays Running for ever: Prefect refuses to retry it, and it
holds its concurrency slots. One that gave up on its server was set Crashed by whoever noticed, without a card. A
cancelled one was told by its worker, in words that do not lead to its card, and a paused one that nobody resumed by the
server. The worker's unit runs `proofkeep
reconcile` before it starts the worker, a timer every few minutes. Runs of other hosts stay as they are; those of a host
that is lost for good are for flows/lost_host.py. What came due again and again while the host was away is done once
(flows/superseded.py).
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterEndTime,
    FlowRunFilterState,
    FlowRunFilterStateName,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import FlowRun, State, StateType
from prefect.flows import Flow

from blocks.server import named_server
from flows.apart import Trouble, apart
from flows.cancellations import tell_cancellation, tell_pause
from flows.crashes import UNDER_WAY, crash, gone, never_begun, present_card, tell_crash
from flows.host import ProcessMark, at_work_on, has_lost_its_process
from flows.queues import make_control_queue, queues_here
from flows.scratch import memory_named_by, sweep_memory
from flows.superseded import SUPERSEDED, Superseded, give_way, older, waiting_on
from flows.workspaces import sweep_workspaces
from proofkeep import events
from proofkeep.configuration.identity import host_name
from proofkeep.errors import ProofkeepError

SETTLED = timedelta(minutes=1)
"""How long a worker is given to tell of a crash what it knows."""

STUCK = timedelta(minutes=15)
"""Far more than a process takes to say that it works on a run, its server away for minutes or not."""

OURS = "proofkeep"
"""Tag of runs of our deployments."""

Tell = Callable[[SyncPrefectClient, FlowRun], bool]
"""Gives a run its card, and says whether that was due."""

_LOOKED_BACK = timedelta(days=7)
_PAGE = 200
_STATES = {
    how: {"state": how.value.capitalize(), "state_type": how.value}
    for how in (StateType.CRASHED, StateType.CANCELLED, StateType.FAILED)
}


@dataclass(frozen=True, slots=True)
class Reconciled:
    """A flow run that was set Crashed, or had ended and got its card.

    Attributes:
        process: that is gone; None where none had begun to work.
        task_runs: how many were set Crashed with the run.
        state: in which it is.
    """

    id: UUID
    name: str
    process: ProcessMark | None
    task_runs: int = 0
    state: str = "Crashed"


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """What was done.

    Attributes:
        crashed: runs that were set Crashed.
        told: runs that had ended in a state that led to no card.
        superseded: scheduled runs that gave way to a newer one of their deployment.
        troubles: what could not be done, run by run; the next reconcile tries again.
    """

    crashed: list[Reconciled]
    told: list[Reconciled]
    superseded: list[Superseded] = field(default_factory=list)
    troubles: list[Trouble] = field(default_factory=list)


def reconcile(settled: timedelta = SETTLED, stuck: timedelta = STUCK) -> Reconciliation:
    """Set every run of this host whose process is dead Crashed, with its task runs; concurrency slots come free.

    So is one that this host's worker took and no process has begun to work on for `stuck`. Every Crashed run of this
    host's that has no card gets one, and the state of every Cancelled one leads to its card, as does that of a paused
    one that nobody resumed, unless it ended within `settled`. A Suspended run that has its card waits for its Resume.
    Of the scheduled runs of a deployment of this host that wait past their time, the newest alone is left.
    What a killed worker left of ended runs, which holds the server's password, is removed. What one run brings up keeps
    no other from being handled; it is among the troubles.

    Raises:
        UsageError, ServerUnavailableError: as `named_server`.
    """
    done = Reconciliation([], [])
    left: list[FlowRun] = []
    try:
        with named_server() as client:
            with apart(None, done.troubles, "control queue"):
                make_control_queue(client)
            work_through(client, done, left, lambda run: _death(client, run, stuck), _TELL, settled)
            for run, newest in older(list(pages(client, waiting_on(queues_here(), OURS)))):
                with apart(run, done.troubles):
                    if (ended := give_way(client, run, newest)) is not None:
                        done.superseded.append(_superseded(ended))
            with apart(None, done.troubles, "workspaces"):
                sweep_workspaces(client, settled)
    finally:  # also of runs that were Crashed before the server went away: no later reconcile asks for them
        _sweep(left, done.troubles)
    return done


def work_through(
    client: SyncPrefectClient,
    done: Reconciliation,
    left: list[FlowRun],
    death: Callable[[FlowRun], ProofkeepError | None],
    tell: Mapping[StateType, Tell],
    settled: timedelta,
) -> None:
    """Set runs under way Crashed, and tell those that have ended.

    Args:
        done: gets what was done, run by run.
        left: gets the runs themselves.
        death: why a run that is shown under way is not; None where it may be.
        tell: for each state in which they may have ended.
        settled: how long ago a run has to have ended.
    """
    for run in runs_under_way(client):
        with apart(run, done.troubles):
            if (error := death(run)) is not None and _is_unchanged(client, run):
                left.append(run)
                done.crashed.append(_crashed(client, run, error))
    for how, give_card in tell.items():
        for run in list(pages(client, _ended(how, settled))):
            with apart(run, done.troubles):
                if give_card(client, run):
                    left.append(run)
                    done.told.append(_told(run, how))


def _sweep(left: list[FlowRun], troubles: list[Trouble]) -> None:
    """Remove what drills left in the memory that is theirs by default, and in what these runs named instead."""
    with apart(None, troubles, "scratch"):
        sweep_memory({})
    for run in left:
        if memory_named_by(run.parameters):
            with apart(run, troubles):
                sweep_memory(run.parameters)


def _crashed(client: SyncPrefectClient, run: FlowRun, error: ProofkeepError) -> Reconciled:
    process, task_runs = process_of(run), crash(client, run, error)
    pid = process.pid if process else None
    events.emit(
        "flow-run-reconcile", flow_run_id=str(run.id), pid=pid, task_runs=task_runs, **_STATES[StateType.CRASHED]
    )
    return Reconciled(run.id, run.name, process, task_runs)


def _superseded(run: Superseded) -> Superseded:
    state = {"state": SUPERSEDED, "state_type": StateType.CANCELLED.value}
    events.emit("flow-run-superseded", outcome="unknown", flow_run_id=str(run.id), by=str(run.by), **state)
    return run


def _told(run: FlowRun, how: StateType) -> Reconciled:
    events.emit("flow-run-told", flow_run_id=str(run.id), **_STATES[how])
    return Reconciled(run.id, run.name, process_of(run), state=_STATES[how]["state"])


def _tell_crash_here(client: SyncPrefectClient, run: FlowRun) -> bool:
    return _is_of_this_host(run) and tell_crash(client, run)


_TELL = {
    StateType.CRASHED: _tell_crash_here,
    StateType.CANCELLED: tell_cancellation,
    StateType.FAILED: tell_pause,
}


def bury(flow: Flow[..., Any], flow_run: FlowRun, state: State[Any]) -> None:  # noqa: ARG001 - Prefect's names
    """Hook of flows: a worker that outlives a run's process sets the run Crashed; task runs and card are left to us."""
    with named_server() as client:
        tell_crash(client, client.read_flow_run(flow_run.id))


def process_of(run: FlowRun) -> ProcessMark | None:
    """The process of the present attempt; a retry is Pending with the marks of the attempt before."""
    return None if run.state_type is StateType.PENDING else at_work_on(run)


def _death(client: SyncPrefectClient, run: FlowRun, stuck: timedelta) -> ProofkeepError | None:
    """Why a run that is shown under way is not; None where it may be."""
    process = process_of(run)
    if process is not None:
        if process.host != host_name() or not process.is_dead():
            return None
        told_of_its_pause = run.state_type is StateType.PAUSED and present_card(client, run) is not None
        return None if told_of_its_pause else gone(process)
    if has_lost_its_process(run):
        return None
    since = run.state.timestamp if run.state else None
    if since is None or since > datetime.now(UTC) - stuck or not _is_of_this_host(run):
        return None
    return never_begun(run)


def _is_unchanged(client: SyncPrefectClient, run: FlowRun) -> bool:
    """Whether the dead process left it so; it may have told its end between our two questions."""
    return client.read_flow_run(run.id).state_id == run.state_id


def _is_of_this_host(run: FlowRun) -> bool:
    """Whether it ran here; one that no process has begun to work on was taken from this host's queues."""
    process = process_of(run)
    if process is not None:
        return process.host == host_name()
    return run.work_queue_name in queues_here() and OURS in run.tags


def runs_under_way(client: SyncPrefectClient) -> list[FlowRun]:
    """All runs that a worker has taken and that have not ended, as the server shows them."""
    types = [*UNDER_WAY, StateType.PENDING]
    return list(pages(client, FlowRunFilter(state=FlowRunFilterState(type=FlowRunFilterStateType(any_=types)))))


def _ended(how: StateType, settled: timedelta) -> FlowRunFilter:
    now = datetime.now(UTC)
    return FlowRunFilter(
        state=FlowRunFilterState(
            type=FlowRunFilterStateType(any_=[how]),
            name=FlowRunFilterStateName(not_any_=["Attention"]),  # of every status that found something, all week
        ),
        end_time=FlowRunFilterEndTime.model_validate({"after_": now - _LOOKED_BACK, "before_": now - settled}),
    )


def pages(client: SyncPrefectClient, wanted: FlowRunFilter) -> Iterator[FlowRun]:
    """All runs that are wanted, as the server gives them."""
    offset = 0
    while page := client.read_flow_runs(flow_run_filter=wanted, limit=_PAGE, offset=offset):
        yield from page
        offset += len(page)
