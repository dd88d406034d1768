"""Backups that wait in the queue of a host which takes none any more, at a real server; the tests are the workers."""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import copy_context
from datetime import UTC, datetime
from itertools import count
from types import SimpleNamespace
from uuid import UUID

import pytest
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterFlowRunId, DeploymentFilter, DeploymentFilterId
from prefect.client.schemas.objects import FlowRun
from prefect.states import Completed, Running

from flows.backup import backup
from flows.fleet import fleet
from tasks.elsewhere import wait_for
from tests.flows.conftest import PrefectSide
from tests.flows.running import client, message, run_here, run_here_again
from tests.waiting import until

HOUR = 3600
ASKED = 3


@pytest.fixture
def deploy(deployed: PrefectSide) -> Callable[[str], str]:
    """Make a deployment of the flow `backup` on a queue of its own, which no worker asks for runs."""
    assert deployed.directory.is_dir()

    def make(kind: str) -> str:
        name = f"{kind}-{os.urandom(4).hex()}"
        with client() as api:
            api.create_deployment(
                api.create_flow(backup),
                name,
                work_pool_name="proofkeep",
                work_queue_name=name,
                entrypoint="flows.backup.backup",
                enforce_parameter_schema=False,
            )
        return f"backup/{name}"

    return make


def started(deployment: str) -> list[FlowRun]:
    """Runs of the deployment, the oldest first."""
    with client() as api:
        chosen = DeploymentFilter(id=DeploymentFilterId(any_=[api.read_deployment_by_name(deployment).id]))
        runs = api.read_flow_runs(deployment_filter=chosen)
    return sorted(runs, key=lambda run: run.created or datetime.now(UTC))


def states(deployment: str) -> list[str | None]:
    return [run.state_name for run in started(deployment)]


@contextmanager
def befallen(deployment: str, what: Callable[[SyncPrefectClient, UUID], None]) -> Iterator[None]:
    """Within, that befalls the next run of the deployment at once."""
    before = len(started(deployment))

    def work() -> None:
        until(lambda: len(started(deployment)) > before, f"a run of {deployment} is started")
        with client() as api:
            what(api, started(deployment)[-1].id)

    with ThreadPoolExecutor() as pool:
        working = pool.submit(copy_context().run, work)
        yield
    working.result()


def work_off(api: SyncPrefectClient, run: UUID) -> None:
    """It is taken, and ends well."""
    api.set_flow_run_state(run, Running(), force=True)
    api.set_flow_run_state(run, Completed(), force=True)


def cards(run: FlowRun) -> str:
    mine = ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[run.id]))
    with client() as api:
        return "\n".join(str(each.data) for each in api.read_artifacts(artifact_filter=mine))


def test_fleet_gives_up_what_no_worker_takes_and_its_retry_starts_that_alone(deploy: Callable[[str], str]) -> None:
    living, lost = deploy("living"), deploy("lost")
    given = {"inventory": "elsewhere", "deployments": [living, lost], "silence_seconds": 15}

    with befallen(living, work_off):
        run = run_here(fleet, given)

    assert run.state_name == "Failed"
    assert f"1 of 2 entries failed: {lost} [entries-failed]" in message(run)
    assert (states(living), states(lost)) == (["Completed"], ["Cancelled"])
    said = f"never started: no worker of queue {lost.partition('/')[2]} took it, and none has asked for runs for 15s"
    assert message(started(lost)[0]) == said
    assert f"| {living} | Completed in" in cards(run)
    assert f"| {lost} | **Failed**: run {started(lost)[0].id} of {lost} is Cancelled: {said} |" in cards(run)

    with befallen(lost, work_off):
        run = run_here_again(fleet, run)

    assert run.state_name == "Completed", message(run)
    assert (states(living), states(lost)) == (["Completed"], ["Cancelled", "Completed"])


def test_fleet_says_of_a_deleted_run_that_it_was_and_starts_another_on_its_retry(deploy: Callable[[str], str]) -> None:
    deleted = deploy("deleted")
    with befallen(deleted, lambda api, run: api.delete_flow_run(run)):
        run = run_here(fleet, {"inventory": "elsewhere", "deployments": [deleted]})

    assert f"1 of 1 entry failed: {deleted} [entries-failed]" in message(run)
    assert f" of {deleted} was deleted before it had ended |" in cards(run)

    with befallen(deleted, work_off):
        run = run_here_again(fleet, run)

    assert run.state_name == "Completed", message(run)


@pytest.mark.usefixtures("prefect")
def test_fleet_that_would_back_up_nothing_is_refused() -> None:
    run = run_here(fleet, {"inventory": "empty", "deployments": []})

    assert run.state_name == "Failed"
    assert "fleet of empty names no deployment: nothing would be backed up [usage]" in message(run)


@pytest.mark.parametrize("name", ["nowhere", "backup/", "backup/no/where"])
@pytest.mark.usefixtures("prefect")
def test_name_that_is_none_of_a_deployment_is_told_as_such(name: str) -> None:
    run = run_here(fleet, {"inventory": "elsewhere", "deployments": [name]})

    assert f"| {name} | **Failed**: {name} names no deployment: that is `flow/name` |" in cards(run)


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[Callable[[], None]]:
    """What is done between two looks at a run, which are an hour apart; nothing once all of it is done."""
    to_do: list[Callable[[], None]] = []
    hours = count()

    def sleep(_seconds: float) -> None:
        if to_do:
            to_do.pop(0)()

    clock = SimpleNamespace(monotonic=lambda: float(next(hours) * HOUR), sleep=sleep)
    monkeypatch.setattr("tasks.elsewhere.time", clock)
    return to_do


def waiting(deployment: str) -> FlowRun:
    with client() as api:
        return api.create_flow_run_from_deployment(api.read_deployment_by_name(deployment).id)


def test_backup_waits_its_turn_for_as_long_as_a_worker_asks_for_runs_of_its_queue(
    deploy: Callable[[str], str], looks: list[Callable[[], None]]
) -> None:
    run = waiting(deploy("full"))

    def ask() -> None:
        with client() as api:
            assert run.work_queue_id is not None
            api.update_work_queue(run.work_queue_id, last_polled=datetime.now(UTC))
            seen.append(api.read_flow_run(run.id).state_name)

    seen: list[str | None] = []
    ask()
    looks += [ask] * ASKED

    ended = wait_for(run, 1)

    assert "Cancelled" not in seen
    assert len(seen) == 1 + ASKED
    assert ended.state_name == "Cancelled"


def test_backup_that_has_begun_is_waited_for_though_its_host_is_silent(
    deploy: Callable[[str], str], looks: list[Callable[[], None]]
) -> None:
    run = waiting(deploy("begun"))

    def end() -> None:
        with client() as api:
            api.set_flow_run_state(run.id, Completed(), force=True)

    with client() as api:
        api.set_flow_run_state(run.id, Running(), force=True)
    looks += [lambda: None, lambda: None, end]

    assert wait_for(run, 1).state_name == "Completed"
