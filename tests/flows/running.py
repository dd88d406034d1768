"""Runs at the Prefect server, as a test looks at them."""

from collections import Counter
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterFlowRunId, FlowRunFilter, FlowRunFilterId
from prefect.client.schemas.objects import Artifact, FlowRun, TaskRun
from prefect.client.schemas.sorting import ArtifactSort
from prefect.flow_engine import run_flow
from prefect.flows import Flow
from prefect.states import Pending, Scheduled

from flows.limits import repository_limit
from tests.waiting import until

_PAGE = 200

Outcome = tuple[str, str]
"""Name of a task and of the state its run ended in."""


def client() -> SyncPrefectClient:
    """A client of the session's server."""
    return get_client(sync_client=True)


def run_here(flow: Flow[..., Any], parameters: dict[str, Any]) -> FlowRun:
    """Run a flow in this process; its run, however it ended."""
    with client() as api:
        run = api.create_flow_run(flow, parameters=flow.serialize_parameters(parameters), state=Pending())
    return _run(flow, run, parameters)


def run_here_tagged(flow: Flow[..., Any], parameters: dict[str, Any], tags: list[str]) -> FlowRun:
    """The same with tags, which runs of a deployment have from it."""
    with client() as api:
        given = flow.serialize_parameters(parameters)
        run = api.create_flow_run(flow, parameters=given, tags=tags, state=Pending())
    return _run(flow, run, parameters)


def run_here_again(flow: Flow[..., Any], run: FlowRun) -> FlowRun:
    """What Retry does, in this process."""
    with client() as api:
        api.set_flow_run_state(run.id, Scheduled(), force=True)
        return _run(flow, api.read_flow_run(run.id), run.parameters)


def _run(flow: Flow[..., Any], run: FlowRun, parameters: dict[str, Any]) -> FlowRun:
    run_flow(flow, flow_run=run, parameters=flow.validate_parameters(parameters), return_type="state")
    with client() as api:
        return api.read_flow_run(run.id)


def deployment_run(
    parameters: dict[str, Any], deployment: str = "backup/backup", environment: Mapping[str, str] = {}
) -> FlowRun:
    """A run of a deployment, on its way to the worker; its process has `environment` beside the worker's own."""
    with client() as api:
        found = api.read_deployment_by_name(deployment)
        further = {"env": dict(environment)} if environment else {}
        return api.create_flow_run_from_deployment(found.id, parameters=parameters, job_variables=further)


def ask_for_retry(run: FlowRun) -> None:
    """What Retry in the UI and `prefect flow-run retry` do: the worker takes the run again."""
    with client() as api:
        api.set_flow_run_state(run.id, Scheduled(), force=True)


def ended(run_id: UUID, attempt: int = 1) -> FlowRun:
    """The run, once an attempt that a worker makes is in a final state."""

    def now() -> FlowRun:
        with client() as api:
            return api.read_flow_run(run_id)

    def is_final() -> bool:
        run = now()
        return run.run_count >= attempt and run.state is not None and run.state.is_final()

    until(is_final, f"attempt {attempt} of run {run_id} has ended")
    return now()


def task_runs(run: FlowRun, attempt: int, expected: int) -> list[TaskRun]:
    """Task runs of one attempt, once the server shows `expected` of them ended; it learns of them from events."""

    def of_attempt() -> list[TaskRun]:
        mine = FlowRunFilter(id=FlowRunFilterId(any_=[run.id]))
        with client() as api:
            found = api.read_task_runs(flow_run_filter=mine, limit=_PAGE)
        return [task_run for task_run in found if task_run.flow_run_run_count == attempt]

    def all_ended() -> bool:
        found = of_attempt()
        return len(found) >= expected and all(task_run.state and task_run.state.is_final() for task_run in found)

    until(all_ended, f"{expected} task runs of attempt {attempt} have ended")
    return of_attempt()


def outcomes(runs: list[TaskRun]) -> Counter[Outcome]:
    """How often each task ended how."""
    return Counter((run.name.rpartition("-")[0], run.state_name or "") for run in runs)


def message(run: FlowRun) -> str:
    """What the run's state says."""
    return (run.state.message if run.state else None) or ""


def limit_to_one(repository: str) -> str:
    """Let one run at a time work on a repository; the limit's name."""
    name = repository_limit(repository)
    with client() as api:
        api.upsert_global_concurrency_limit_by_name(name, 1)
    return name


def taken(*limits: str) -> int:
    """How many slots of these limits are taken."""
    with client() as api:
        return sum(api.read_global_concurrency_limit_by_name(limit).active_slots for limit in limits)


def verdict(run: FlowRun) -> str:
    """What the state of a status says before the way to its card, if that follows."""
    return message(run).partition(". Card: ")[0]


def artifacts(run_id: UUID) -> dict[str, str]:
    """Data of the run's artifacts by their type, the newest of each."""
    return {artifact.type or "": str(artifact.data) for artifact in reversed(_artifacts(run_id))}


def artifact_id(run_id: UUID) -> UUID:
    """Id of the run's newest card."""
    return next(artifact.id for artifact in _artifacts(run_id) if artifact.type == "markdown")


def _artifacts(run_id: UUID) -> list[Artifact]:
    """The newest first."""
    mine = ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[run_id]))
    with client() as api:
        return api.read_artifacts(artifact_filter=mine, sort=ArtifactSort.CREATED_DESC)
