"""A schedule is worth what the server makes of it: runs that wait for their time."""

from datetime import UTC, datetime, timedelta

from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterId
from prefect.client.schemas.objects import FlowRun, StateType

from tests.flows.conftest import PrefectSide
from tests.flows.running import client
from tests.waiting import until


def upcoming(deployment: str) -> list[FlowRun]:
    with client() as api:
        found = api.read_deployment_by_name(deployment)
        mine = DeploymentFilter(id=DeploymentFilterId(any_=[found.id]))
        return api.read_flow_runs(deployment_filter=mine, limit=50)


def test_server_makes_runs_of_a_schedule(deployed: PrefectSide) -> None:
    """With some versions of its database library it deploys schedules and inserts no run."""
    assert deployed.directory.is_dir()

    until(lambda: any(run.auto_scheduled for run in upcoming("backup/backup")), "the scheduler has made a run")

    times = sorted(run.expected_start_time for run in upcoming("backup/backup") if run.auto_scheduled)  # type: ignore[type-var] # has one
    first = times[0]
    assert first is not None
    assert (first.hour, first.minute) == (1, 30)
    assert datetime.now(UTC) - timedelta(minutes=1) < first < datetime.now(UTC) + timedelta(days=1)
    assert {run.state_type for run in upcoming("backup/backup") if run.auto_scheduled} == {StateType.SCHEDULED}
