"""When the server heard of a run last, and when the run itself gave its last sign of life."""

from datetime import UTC, datetime, timedelta

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import (
    ArtifactFilter,
    ArtifactFilterFlowRunId,
    ArtifactFilterType,
    FlowRunFilter,
    FlowRunFilterId,
)
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.client.schemas.sorting import ArtifactSort, TaskRunSort
from prefect.events.filters import EventFilter, EventNameFilter, EventOccurredFilter, EventResourceFilter

HEARTBEAT = "prefect.flow-run.heartbeat"
"""Event that Prefect's engine sends from the process of a run."""

ENDED = "proofkeep.flow-run.ended"
"""Event that our flows send behind the last of these; silent.yaml expects it."""

LONG_AGO = datetime.min.replace(tzinfo=UTC)

_CLOCKS_DIFFER = timedelta(days=3)
_LATEST = 200
_LATEST_BEATS = 50  # as many as the server gives at once
_ALIVE = (StateType.PENDING, StateType.RUNNING)


def last_word(client: SyncPrefectClient, run: FlowRun) -> datetime:
    """When the server last heard of a run: of its state, its labels, a bar or another artifact, or its heart."""
    artifacts = client.read_artifacts(
        artifact_filter=ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[run.id])),
        sort=ArtifactSort.UPDATED_DESC,
        limit=1,
    )
    words = [run.updated, *(each.updated for each in artifacts), last_beat(client, run)]
    return max((word for word in words if word is not None), default=LONG_AGO)


def last_beat(client: SyncPrefectClient, run: FlowRun) -> datetime | None:
    """When the server heard the heart of a run's process last."""
    return next(iter(_beats(client, run, 1)), None)


def _beats(client: SyncPrefectClient, run: FlowRun, most: int) -> list[datetime]:
    """When the server heard it, the last first."""
    asked = EventFilter(
        event=EventNameFilter(name=[HEARTBEAT]),
        resource=EventResourceFilter(id=[f"prefect.flow-run.{run.id}"]),
        # By its host's clock, which may be ahead of ours.
        occurred=EventOccurredFilter.model_validate({"until": datetime.now(UTC) + _CLOCKS_DIFFER}),
    )
    return [beat.received for beat in client.read_events(asked, limit=most).events]


def last_sign(client: SyncPrefectClient, run: FlowRun, noticed: datetime) -> datetime:
    """When a run last showed that it lived: by a state, a task run, a bar or its heart; `noticed` where nothing did.

    What others do of it is no sign: who cancels or ends it, its task runs that are set Crashed with it, its card.

    Args:
        noticed: when it was found dead.
    """
    task_runs = client.read_task_runs(
        flow_run_filter=FlowRunFilter(id=FlowRunFilterId(any_=[run.id])),
        sort=TaskRunSort.EXPECTED_START_TIME_DESC,
        limit=_LATEST,
    )
    signs = [
        *(each.start_time for each in task_runs if each.start_time != each.end_time),  # else it had not begun
        *(each.end_time for each in task_runs if each.state_type is not StateType.CRASHED),
        last_heard(client, run, noticed),
    ]
    return max((sign for sign in signs if sign is not None and sign <= noticed), default=noticed)


def last_heard(client: SyncPrefectClient, run: FlowRun, noticed: datetime) -> datetime:
    """When a run last told the server that it lived, and the server heard it then; `noticed` where it never did.

    A task run is no such sign: what it does while the server is away is told later, with when it was done.
    """
    bars = client.read_artifacts(
        artifact_filter=ArtifactFilter(
            flow_run_id=ArtifactFilterFlowRunId(any_=[run.id]), type=ArtifactFilterType(any_=["progress"])
        ),
        limit=_LATEST,
    )
    signs = [
        *(state.timestamp for state in client.read_flow_run_states(run.id) if state.type in _ALIVE),
        *(each.updated for each in bars),
        *_beats(client, run, _LATEST_BEATS),
    ]
    return max((sign for sign in signs if sign is not None and sign <= noticed), default=noticed)
