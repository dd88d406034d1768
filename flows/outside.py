"""Cards of runs that ended outside their body: killed, cancelled, or with parameters that do not fit."""

from typing import Any

import httpx
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import ArtifactCreate
from prefect.client.schemas.objects import FlowRun, State
from prefect.flows import Flow

from flows.cards import artifact_key, failure_title, pointed, told_within
from flows.failing import told_of
from flows.remembering import remember_failure
from proofkeep import events
from proofkeep.errors import CancelledError, ProofkeepError, UnexpectedError, UsageError
from proofkeep.history import BACKUP
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
_DEFAULTS = {"restore": "latest"}
_WRONG_PARAMETERS = "Validation of flow parameters failed"


def verb_and_subject(flow: str, run: FlowRun) -> tuple[str, str]:
    """What a run of this flow was about, as its cards name it."""
    subject = run.parameters.get(_SUBJECTS.get(flow, "repository"))
    if isinstance(subject, dict):  # an inventory given whole
        subject = subject.get("name")
    subject = subject or _DEFAULTS.get(flow) or run.name
    return _VERBS.get(flow, flow), str(subject)


def tell_outside(client: SyncPrefectClient, run: FlowRun, error: ProofkeepError) -> ProofkeepError:
    """Make the card of a run that its body did not make; the error again, its text ending in where the card is."""
    verb, subject = verb_and_subject(client.read_flow(run.flow_id).name, run)
    key = artifact_key(verb, subject)
    title = failure_title(verb, subject)
    text = f"# {title}\n\n{told_of(verb, subject, run, error)}"
    description = f"{title}: {error.code}"
    made = client.create_artifact(
        ArtifactCreate(type="markdown", key=key, description=description, data=text, flow_run_id=run.id)
    )
    return pointed(advised(error), key, made.id)


def tell_unless_told(flow: Flow[..., Any], flow_run: FlowRun, state: State[Any]) -> None:
    """Hook of flows: a run that failed before or behind its body has a card too."""
    if flow_run.id in told_within:
        told_within.discard(flow_run.id)
        return
    error: ProofkeepError = UnexpectedError("run ended outside its flow's body; its state says how")
    if (state.message or "").startswith(_WRONG_PARAMETERS):
        error = UsageError("parameters do not fit the flow; the run's state says which")
        if flow.name == BACKUP:  # its next run closes it; a verify that somebody mistyped would be open for a week
            remember_failure(flow.name, flow_run, error)
    _tell(flow.name, flow_run, error)


def tell_cancelled(flow: Flow[..., Any], flow_run: FlowRun, state: State[Any]) -> None:  # noqa: ARG001 - Prefect's names
    """Hook of flows: a cancelled run has a card that says what waits and how to go on."""
    _tell(flow.name, flow_run, CancelledError(f"run {flow_run.id} was cancelled"))


def _tell(flow: str, flow_run: FlowRun, error: ProofkeepError) -> None:
    try:
        with get_client(sync_client=True) as client:
            tell_outside(client, client.read_flow_run(flow_run.id), error)
    except httpx.HTTPError as trouble:
        events.emit("card-not-made", outcome="failure", key=flow, kind=type(trouble).__name__)
