"""Scheduled runs that piled up at a real server while their host was away."""

import os
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from prefect.client.schemas.actions import DeploymentScheduleCreate
from prefect.client.schemas.filters import (
    DeploymentFilter,
    DeploymentFilterId,
    FlowRunFilter,
    FlowRunFilterExpectedStartTime,
)
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.client.schemas.schedules import IntervalSchedule
from prefect.client.schemas.sorting import FlowRunSort
from prefect.states import Cancelled, Pending, Scheduled

from flows.reconcile import reconcile
from flows.status import status
from flows.superseded import give_way
from proofkeep.cli.exits import Exit
from tests.architecture.tree import ROOT
from tests.flows.conftest import PrefectSide
from tests.flows.house import House
from tests.flows.running import ask_for_retry, client, ended, message
from tests.flows.test_reconcile import now, reconcile_command
from tests.flows.worker import Worker
from tests.waiting import until

HOUR = timedelta(hours=1)
HOURS = 3


@pytest.fixture
def away(deployed: PrefectSide, monkeypatch: pytest.MonkeyPatch) -> str:
    """A host whose queue no worker polls, and which this process stands for."""
    assert deployed.directory.is_dir()
    host = f"away-{os.urandom(4).hex()}"
    monkeypatch.setenv("PROOFKEEP_HOST", host)
    return host


def hourly(**parameters: Any) -> DeploymentScheduleCreate:
    """At half an hour from now, so that no run comes due while a test looks."""
    anchor = datetime.now(UTC) - HOUR / 2
    schedule = IntervalSchedule(interval=HOUR, anchor_date=anchor)
    return DeploymentScheduleCreate(schedule=schedule, parameters=parameters)


def deploy(host: str, *schedules: DeploymentScheduleCreate, **fields: Any) -> UUID:
    """A deployment of the flow `status` on that host's queue."""
    given: dict[str, Any] = {"parameters": {"repository": "nowhere"}, "tags": ["proofkeep"]} | fields
    with client() as api:
        return api.create_deployment(
            api.create_flow(status),
            host,
            schedules=list(schedules) or [hourly()],
            concurrency_limit=1,
            work_pool_name="proofkeep",
            work_queue_name=host,
            entrypoint="flows.status.status",
            pull_steps=[{"prefect.deployments.steps.set_working_directory": {"directory": str(ROOT)}}],
            enforce_parameter_schema=False,
            **given,
        )


def pile_up(deployment: UUID) -> list[FlowRun]:
    """Runs of the last hours as the server's scheduler made them, which nobody took; the oldest first."""
    end = datetime.now(UTC)
    past = {"start_time": (end - HOURS * HOUR).isoformat(), "end_time": end.isoformat(), "min_runs": 100}
    with client() as api:
        api.request("POST", "/deployments/{id}/schedule", path_params={"id": deployment}, json=past)
        runs = api.read_flow_runs(
            deployment_filter=DeploymentFilter(id=DeploymentFilterId(any_=[deployment])),
            flow_run_filter=FlowRunFilter(
                expected_start_time=FlowRunFilterExpectedStartTime.model_validate({"before_": end})
            ),
            sort=FlowRunSort.EXPECTED_START_TIME_ASC,
        )
    assert len(runs) >= HOURS
    assert all(run.auto_scheduled for run in runs)
    return runs


def future(deployment: UUID) -> list[FlowRun]:
    """Runs whose hour is still to come."""
    mine = DeploymentFilter(id=DeploymentFilterId(any_=[deployment]))
    later = FlowRunFilterExpectedStartTime.model_validate({"after_": datetime.now(UTC)})
    with client() as api:
        return api.read_flow_runs(deployment_filter=mine, flow_run_filter=FlowRunFilter(expected_start_time=later))


def types(runs: list[FlowRun]) -> list[StateType | None]:
    return [now(run.id).state_type for run in runs]


def test_of_what_a_host_missed_the_newest_run_alone_is_left(away: str, prefect: PrefectSide) -> None:
    *old, newest = pile_up(deploy(away))

    code, told = reconcile_command()
    again = reconcile()

    assert code is Exit.OK
    assert types([*old, newest]) == [StateType.CANCELLED] * len(old) + [StateType.SCHEDULED]
    assert newest.expected_start_time is not None
    said = f"superseded by the run due at {newest.expected_start_time:%Y-%m-%d %H:%M:%SZ}"
    assert {(now(run.id).state_name, message(now(run.id))) for run in old} == {("Superseded", said)}
    assert {(run["flow_run"], run["by"]) for run in told["result"]["superseded"]} == {
        (str(run.id), str(newest.id)) for run in old
    }
    (event,) = prefect.told(old[0], "flow-run-superseded")
    assert (event["by"], event["outcome"]) == (str(newest.id), "unknown")
    assert again.superseded == []


def test_runs_of_the_hours_to_come_are_left_alone_and_stand_for_none_of_the_past(away: str) -> None:
    deployment = deploy(away)
    until(lambda: len(future(deployment)) > 1, "the scheduler has made runs of the hours to come")
    *_, newest = pile_up(deployment)

    reconcile()

    assert set(types([newest, *future(deployment)])) == {StateType.SCHEDULED}


def test_run_that_a_person_asked_for_gives_way_to_none(away: str) -> None:
    deployment = deploy(away)
    old, *_, newest = pile_up(deployment)
    reconcile()
    with client() as api:
        before = datetime.now(UTC) - HOURS * HOUR
        asked = api.create_flow_run_from_deployment(deployment, state=Scheduled(scheduled_time=before))
    ask_for_retry(old)

    done = reconcile()

    assert done.superseded == []
    assert types([asked, old, newest]) == [StateType.SCHEDULED] * 3


def test_older_runs_stay_where_the_newest_is_cancelled_meanwhile(away: str) -> None:
    old, *_, newest = pile_up(deploy(away))
    with client() as api:
        api.set_flow_run_state(newest.id, Cancelled(), force=True)

        assert give_way(api, old, newest) is None

    assert types([old]) == [StateType.SCHEDULED]


def test_run_that_the_server_tells_late_meanwhile_gives_way_all_the_same(away: str) -> None:
    old, *_, newest = pile_up(deploy(away))
    with client() as api:
        api.set_flow_run_state(old.id, Scheduled(name="Late", scheduled_time=old.expected_start_time), force=True)

        assert give_way(api, old, newest) is not None

    assert types([old]) == [StateType.CANCELLED]


def test_run_that_a_worker_takes_meanwhile_gives_way_to_none(away: str) -> None:
    old, *_, newest = pile_up(deploy(away))
    with client() as api:
        api.set_flow_run_state(old.id, Pending())

        assert give_way(api, old, newest) is None

    assert types([old]) == [StateType.PENDING]


@pytest.mark.parametrize("change", [{"host": "elsewhere.example"}, {"tags": ["mine"]}], ids=["host", "owner"])
def test_runs_of_another_host_or_owner_are_left_alone(
    change: dict[str, Any], away: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROOFKEEP_HOST", change.get("host", away))
    runs = pile_up(deploy(away, tags=change.get("tags", ["proofkeep"])))

    reconcile()

    assert types(runs) == [StateType.SCHEDULED] * len(runs)


def test_schedules_that_ask_for_different_work_keep_their_newest_runs(away: str) -> None:
    asked = [{"repository": name} for name in ("one", "other")]
    runs = pile_up(deploy(away, *(hourly(**parameters) for parameters in asked)))

    reconcile()

    left = [now(run.id) for run in runs if now(run.id).state_type is StateType.SCHEDULED]
    assert sorted(run.parameters["repository"] for run in left) == ["one", "other"]
    assert {run.id for run in left} == {run.id for run in runs[-2:]}


def test_worker_of_a_host_that_comes_back_runs_the_newest_alone(away: str, deployed: PrefectSide, house: House) -> None:
    *old, newest = pile_up(deploy(away, parameters={"repository": house.name}))
    reconcile()
    worker = Worker(away, deployed.directory, deployed.directory / f"{away}.log", deployed.environment)

    worker.ensure()
    try:
        last = ended(newest.id)
    finally:
        worker.stop()

    assert last.state_name == "Completed", message(last)
    assert {now(run.id).run_count for run in old} == {0}
