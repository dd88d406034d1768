"""A schedule is worth what the server makes of it: runs that wait for their time."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterId
from prefect.client.schemas.objects import FlowRun, StateType

from tests.flows.conftest import PrefectSide
from tests.flows.running import client
from tests.waiting import until


def upcoming(deployment: str) -> list[FlowRun]:
    """Runs that the server's scheduler made of it."""
    with client() as api:
        found = api.read_deployment_by_name(deployment)
        mine = DeploymentFilter(id=DeploymentFilterId(any_=[found.id]))
        return [run for run in api.read_flow_runs(deployment_filter=mine, limit=50) if run.auto_scheduled]


@pytest.fixture
def resumed(deployed: PrefectSide) -> Iterator[str]:
    """A deployment whose schedule counts for the length of a test."""
    assert deployed.directory.is_dir()
    name = "backup/backup"
    with client() as api:
        found = api.read_deployment_by_name(name)
        api.resume_deployment(found.id)
        yield name
        api.pause_deployment(found.id)


def test_server_makes_runs_of_a_schedule(resumed: str) -> None:
    """With some versions of its database library it deploys schedules and inserts no run."""
    until(lambda: bool(upcoming(resumed)), "the scheduler has made a run")
    made = upcoming(resumed)
    now = datetime.now(UTC)

    to_come = {time: run.state_type for run in made if (time := run.expected_start_time) and time > now}

    first = min(to_come)
    assert (first.hour, first.minute) == (1, 30)
    assert first < now + timedelta(days=1)
    assert set(to_come.values()) == {StateType.SCHEDULED}
