"""Cards of runs that ended outside their body: killed, cancelled, or with parameters that do not fit."""

from typing import Any
from uuid import UUID

import httpx
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import ArtifactCreate
from prefect.client.schemas.objects import FlowRun, State, StateType
from prefect.flows import Flow

from flows.cards import artifact_key, failure_title, pointed, told_within
from flows.failing import told_of
from flows.lateness import started_late, window_of
from flows.next_step import NEW_PARAMETERS
from flows.remembering import remember_cancelled, remember_failure
from flows.runs import of_entries
from proofkeep import events
from proofkeep.attempts import BACKUP
from proofkeep.errors import CancelledError, ProofkeepError, UnexpectedError, UsageError
from tasks.boundary import advised

_VERBS = {
    "apply_inventory": "apply",
    "restore_drill": "drill",
    "resume_transfers": "resume-transfers",
    "spot_check": "spot-check",
}
_SUBJECTS = {
    "apply_inventory": "inventory",
    "backup": "entry",
    "fleet": "inventory",
    "restore": "snapshot",
    "spot_check": "entry",
}
_IN_A_WINDOW = {"backup", "fleet", "restore_drill", "verify"}
_NAMELESS = {"restore": "latest"}
_WRONG_PARAMETERS = "Validation of flow parameters failed"

AGAIN = "now with its card: "
"""Begins the message of a state that somebody else had set; crashed.yaml and failed.yaml notify of the first alone."""


def verb_and_subject(flow: str, run: FlowRun) -> tuple[str, str]:
    """What a run of this flow was about, as its cards name it."""
    subject = run.parameters.get(_SUBJECTS.get(flow, "repository"))
    if isinstance(subject, dict):  # an inventory given whole
        subject = subject.get("name")
    if flow == "restore_drill" and subject:
        subject = of_entries(subject, run.parameters.get("entries"))
    subject = subject or _NAMELESS.get(flow) or run.name
    return _VERBS.get(flow, flow), str(subject)


def tell_outside(
    client: SyncPrefectClient, run: FlowRun, error: ProofkeepError, then: str | None = None
) -> ProofkeepError:
    """Make the card of a run that its body did not make; the error again, its text ending in where the card is.

    Args:
        then: as `told_of` has it.
    """
    flow = client.read_flow(run.flow_id).name
    verb, subject = verb_and_subject(flow, run)
    key = artifact_key(verb, subject)
    title = failure_title(verb, subject)
    first = started_late(run, window_of(run.parameters)) if flow in _IN_A_WINDOW else {}
    text = f"# {title}\n\n{told_of(verb, subject, run, error, then=then, first=first)}"
    description = f"{title}: {error.code}"
    made = client.create_artifact(
        ArtifactCreate(type="markdown", key=key, description=description, data=text, flow_run_id=run.id)
    )
    return pointed(advised(error), key, made.id)


def tell_unless_told(flow: Flow[..., Any], flow_run: FlowRun, state: State[Any]) -> None:
    """Hook of flows: a run that failed before or behind its body has a card too, and its state leads there."""
    if flow_run.id in told_within:
        told_within.discard(flow_run.id)
        return
    if (state.message or "").startswith(_WRONG_PARAMETERS):
        error: ProofkeepError = UsageError("parameters do not fit the flow; the run's state says which")
        if flow.name == BACKUP:  # its next run closes it; a verify that somebody mistyped would be open for a week
            remember_failure(flow.name, flow_run, error)
        _tell(flow.name, flow_run, StateType.FAILED, error, NEW_PARAMETERS)
    else:
        error = UnexpectedError("run ended outside its flow's body; its state says how")
        _tell(flow.name, flow_run, StateType.FAILED, error)


def tell_cancelled(flow: Flow[..., Any], flow_run: FlowRun, state: State[Any]) -> None:
    """Hook of flows: a cancelled run has a card that says what waits and how to go on.

    Its worker sets it Cancelled after this, in words of its own; `flows.cancellations` lets those lead to the card.
    """
    remember_cancelled(flow.name, flow_run, cancelled(flow_run), state.timestamp)
    _tell(flow.name, flow_run, StateType.CANCELLED, cancelled(flow_run))


def cancelled(run: FlowRun) -> CancelledError:
    """What ends a run that somebody cancelled."""
    return CancelledError(f"run {run.id} was cancelled")


def _tell(flow: str, flow_run: FlowRun, ended: StateType, error: ProofkeepError, then: str | None = None) -> None:
    try:
        with get_client(sync_client=True) as client:
            told = tell_outside(client, client.read_flow_run(flow_run.id), error, then)
            lead(client, flow_run.id, ended, str(told))
    except httpx.HTTPError as trouble:
        events.emit("card-not-made", outcome="failure", key=flow, kind=type(trouble).__name__)


def lead(client: SyncPrefectClient, run: UUID, ended: StateType, told: str) -> None:
    """Set a run's last state once more, whose message somebody else wrote, so that it leads to the card.

    Args:
        ended: how the run ended; another state by now stays as it is, somebody pressed Retry meanwhile.
        told: the message of the error, which ends in where the card is.
    """
    state = client.read_flow_run(run).state
    if state is None or state.type is not ended:
        return
    before = f" It said before: {state.message}" if state.message else ""
    again: State[Any] = State(type=state.type, name=state.name, message=f"{AGAIN}{told}{before}")
    client.set_flow_run_state(run, again, force=True)
