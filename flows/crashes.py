"""A run whose process is gone is told as every failure is: by a card, an open failure on this host, and its state."""

from collections.abc import Iterator

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import (
    ArtifactFilter,
    ArtifactFilterFlowRunId,
    FlowRunFilter,
    FlowRunFilterId,
    TaskRunFilter,
    TaskRunFilterState,
    TaskRunFilterStateType,
)
from prefect.client.schemas.objects import Artifact, FlowRun, StateType, TaskRun
from prefect.states import Crashed

from flows.cards import failure_title
from flows.giving_up import gave_up
from flows.host import ProcessMark, at_work_on
from flows.limits import give_slot_back
from flows.next_step import NEW_PARAMETERS
from flows.outside import lead, tell_outside, verb_and_subject
from flows.parameters import misfit
from flows.remembering import remember_failure
from proofkeep.attempts import BACKUP
from proofkeep.configuration.identity import host_name
from proofkeep.errors import HostLostError, ProcessGoneError, ProofkeepError, UsageError
from tasks.boundary import advised

UNDER_WAY = [StateType.RUNNING, StateType.CANCELLING, StateType.PAUSED]
_UNFINISHED = [*UNDER_WAY, StateType.PENDING, StateType.SCHEDULED]
_PAGE = 200


def gone(process: ProcessMark) -> ProcessGoneError:
    """What ends a run whose process has died."""
    return ProcessGoneError(f"process {process.pid} of host {process.host} is gone")


def never_begun(run: FlowRun) -> ProcessGoneError:
    """What ends a run that no process has said it works on."""
    return ProcessGoneError(f"no process has begun to work on run {run.id}")


def crash(client: SyncPrefectClient, run: FlowRun, error: ProofkeepError) -> int:
    """Set a run Crashed whose process is dead, with its card; how many task runs died with it.

    It is Crashed, and its slots are free, also where its card cannot be made: `tell_crash` tries again.
    """
    told = str(advised(error))
    try:
        error = _as_it_ended(run, error)
        task_runs = _bury(client, run, str(error))
        told = _told(client, run, error)
    finally:
        client.set_flow_run_state(run.id, Crashed(message=told), force=True)
    return task_runs


def tell_crash(client: SyncPrefectClient, run: FlowRun) -> bool:
    """Give a run its card that somebody else set Crashed, and its state's message the way there; whether that was due.

    Not while its process lives, if only to the end of its goodbye.
    """
    process = at_work_on(run)
    if process is None:  # Prefect ends a process that it cannot call the flow in, as if it had been killed
        return tell_dead(client, run, misfit(client, run) or never_begun(run))
    if process.host != host_name() or not process.is_dead():
        return False
    return tell_dead(client, run, gone(process))


def tell_dead(
    client: SyncPrefectClient, run: FlowRun, error: ProofkeepError, ended: StateType = StateType.CRASHED
) -> bool:
    """The same for whoever knows that it is dead, by what, and how it ended."""
    if present_card(client, run) is not None:
        return False
    error = _as_it_ended(run, error)
    _bury(client, run, str(error))
    told = _told(client, run, error)
    lead(client, run.id, ended, told)
    return True


def _as_it_ended(run: FlowRun, error: ProofkeepError) -> ProofkeepError:
    """Why a process ended that noted it on this host before, or `error`, by which it is known to be gone."""
    if not isinstance(error, ProcessGoneError) or run.state_type is StateType.PENDING:  # that attempt never began
        return error
    return gave_up(run) or error


def _told(client: SyncPrefectClient, run: FlowRun, error: ProofkeepError) -> str:
    """The message that ends in where the card is; the failure is open on this host by then if a later run closes it."""
    flow, wrong = client.read_flow(run.flow_id).name, isinstance(error, UsageError)
    if not isinstance(error, HostLostError) and (flow == BACKUP or not wrong):
        remember_failure(flow, run, error)
    return str(tell_outside(client, run, error, NEW_PARAMETERS if wrong else None))


def present_card(client: SyncPrefectClient, run: FlowRun) -> Artifact | None:
    """The card of the present attempt's failure, from its body or from us; None where it has none."""
    states = client.read_flow_run_states(run.id)
    asked_for = max((state.timestamp for state in states if state.type is StateType.SCHEDULED), default=None)
    title = failure_title(*verb_and_subject(client.read_flow(run.flow_id).name, run))
    cards = (
        card for card in _cards(client, run) if asked_for is None or card.created is None or card.created >= asked_for
    )
    return next((card for card in cards if (card.description or "").startswith(title)), None)


def _cards(client: SyncPrefectClient, run: FlowRun) -> list[Artifact]:
    mine = ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[run.id]))
    return [artifact for artifact in client.read_artifacts(artifact_filter=mine) if artifact.type == "markdown"]


def _bury(client: SyncPrefectClient, run: FlowRun, message: str) -> int:
    """Give the slots back that died with the process; how many task runs did, which the server still shows under way.

    The leases would hold them for another minute or two; that of a tag's limit comes free with its task run.
    """
    give_slot_back(client, run)
    unfinished = list(_unfinished_tasks(client, run))
    for task_run in unfinished:
        client.set_task_run_state(task_run.id, Crashed(message=message), force=True)
    return len(unfinished)


def _unfinished_tasks(client: SyncPrefectClient, run: FlowRun) -> Iterator[TaskRun]:
    mine = FlowRunFilter(id=FlowRunFilterId(any_=[run.id]))
    wanted = TaskRunFilter(state=TaskRunFilterState(type=TaskRunFilterStateType(any_=_UNFINISHED)))
    offset = 0
    while page := client.read_task_runs(flow_run_filter=mine, task_run_filter=wanted, limit=_PAGE, offset=offset):
        yield from page
        offset += len(page)
