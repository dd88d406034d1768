"""The spot-check of a live source as a Prefect task: on this host, or by a deployment on the source's own host.

Answers from another host come back as a table artifact: its persisted results lie on its own disk.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict

import msgspec
from prefect import task
from prefect.artifacts import create_table_artifact
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterFlowRunId, ArtifactFilterKey
from prefect.client.schemas.objects import FlowRun
from prefect.deployments import run_deployment
from prefect.exceptions import ObjectNotFound

from proofkeep.configuration.duration import spell_duration
from proofkeep.configuration.identity import host_name
from proofkeep.drill import Live, Question, spot_check
from proofkeep.errors import SourceUnavailableError
from proofkeep.ports import Cancelled, Progress
from proofkeep.repository import Repository
from tasks.boundary import only_our_errors
from tasks.elsewhere import asked_for, give_up, wait_at_most
from tasks.kinds import ONCE, REPEATABLE, Receipt

ANSWERS = "spot-check-answers"


class SpotCheck:
    """What the task works on; no dataclass, since Prefect walks into those and a repository holds keys."""

    def __init__(
        self, repository: Repository, live: Live, *, now_ns: int, cancelled: Cancelled, progress: Progress
    ) -> None:
        self.repository = repository
        self.live = live
        self.now_ns = now_ns
        self.cancelled = cancelled
        self.progress = progress


@task(name="spot_check", **REPEATABLE)
def spot_check_here(check: SpotCheck, questions: Sequence[Receipt]) -> Receipt:
    """Read those files of this host's source that have not changed, and tell their keyed digests."""
    with only_our_errors("spot_check"):
        spotted = spot_check(
            check.repository,
            check.live,
            msgspec.convert(questions, list[Question]),
            host=host_name(),
            now_ns=check.now_ns,
            cancelled=check.cancelled,
            progress=check.progress,
        )
        return asdict(spotted)


@task(name="spot_check", **ONCE)
def spot_check_elsewhere(deployment: str, questions: Sequence[Receipt], timeout_seconds: int) -> Receipt:
    """Run `deployment` of the flow `spot_check`, which lives on the source's host, and take its answers.

    Its own task is tried again there; one that has not ended in time is cancelled, and not asked for again.

    Raises:
        UsageError: as `asked_for`.
        SourceUnavailableError: it did not end well in time, or somebody deleted it.
    """
    with only_our_errors("spot_check"):
        with asked_for(deployment):
            run: FlowRun = run_deployment(  # type: ignore[assignment] # sync where no event loop runs
                deployment, parameters={"questions": list(questions)}, timeout=0
            )
        try:
            run = wait_at_most(run, timeout_seconds)
        except ObjectNotFound:
            gone = f"spot-check run {run.id} on the source's host was deleted before it had ended"
            raise SourceUnavailableError(gone) from None
        if run.state is None or not run.state.is_completed():
            ended = f"is {run.state_name or 'unknown'}, not completed"
            left = "" if run.state and run.state.is_final() else _cancelled(run, timeout_seconds)
            raise SourceUnavailableError(f"spot-check run {run.id} on the source's host {ended}{left}")
        return _told(run)


def tell_answers(told: Receipt) -> None:
    """Leave the answers where `spot_check_elsewhere` finds them."""
    about = {name: told[name] for name in ("host", "entry", "at")}
    create_table_artifact([about | answer for answer in told["answers"]], key=ANSWERS, description="keyed ids only")


def _cancelled(run: FlowRun, timeout_seconds: int) -> str:
    """Cancel it; what is said of that."""
    with get_client(sync_client=True) as client:
        give_up(client, run, "the drill that asked waits no longer")
    return f" in {spell_duration(timeout_seconds)}, and was cancelled"


def _told(run: FlowRun) -> Receipt:
    wanted = ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[run.id]), key=ArtifactFilterKey(any_=[ANSWERS]))
    with get_client(sync_client=True) as client:
        found = client.read_artifacts(artifact_filter=wanted)
    rows = json.loads(str(found[0].data)) if found else []
    if not rows:
        raise SourceUnavailableError(f"spot-check run {run.id} on the source's host left no answers")
    about = {name: rows[0][name] for name in ("host", "entry", "at")}
    return about | {"answers": [{name: row[name] for name in row if name not in about} for row in rows]}
