"""A fleet that somebody cancels in the middle of a backup: the entry's next run takes up what lies in the spool."""

import pytest
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterParentFlowRunId
from prefect.client.schemas.objects import FlowRun
from prefect.states import Cancelling

from flows.backup import backup
from flows.fleet import fleet
from tests.architecture.tree import ROOT
from tests.flows.aftermath import assert_restored, visible
from tests.flows.conftest import QUEUE, PrefectSide
from tests.flows.gatekeeper import Gatekeeper
from tests.flows.house import House
from tests.flows.running import artifacts, client, deployment_run, ended, message, outcomes, task_runs
from tests.flows.worker import Worker
from tests.waiting import until

pytestmark = [pytest.mark.soak, pytest.mark.timeout(600)]
"""Prefect's server looks for what a cancelled run started every twenty seconds; a hung one is killed after thirty."""


@pytest.fixture
def name(s3_house: House, deployed: PrefectSide) -> str:
    """Deployments of this name: the house's entry, and the fleet that it alone is in."""
    assert deployed.directory.is_dir()
    found = s3_house.name
    given = {"inventory": found, "deployments": [f"backup/{found}"]}
    flows = ((backup, "flows.backup.backup", s3_house.parameters()), (fleet, "flows.fleet.fleet", given))
    with client() as api:
        for flow, entrypoint, parameters in flows:
            api.create_deployment(
                api.create_flow(flow),
                found,
                work_pool_name="proofkeep",
                work_queue_name=QUEUE,
                entrypoint=entrypoint,
                parameters=parameters,
                pull_steps=[{"prefect.deployments.steps.set_working_directory": {"directory": str(ROOT)}}],
            )
    return found


def started_by(run: FlowRun) -> list[FlowRun]:
    """Runs that a fleet run started."""
    mine = FlowRunFilter(parent_flow_run_id=FlowRunFilterParentFlowRunId(any_=[run.id]))
    with client() as api:
        return api.read_flow_runs(flow_run_filter=mine)


def packs(prefect: PrefectSide, run: FlowRun, event: str) -> set[str]:
    """Names of the packs that a run told such an event of."""
    return {each["pack"].partition("packs/")[2] for each in prefect.told(run, event)}


def test_next_run_of_the_entry_adopts_what_a_cancelled_fleet_left_in_the_spool(
    name: str, s3_house: House, gate: Gatekeeper, worker: Worker, prefect: PrefectSide
) -> None:
    assert worker.works
    s3_house.fill(6)
    gate.holds = lambda path: gate.numbers.get(path, 0) > 2
    run = deployment_run({}, f"fleet/{name}")
    until(lambda: len(started_by(run)) == 1, "the entry's backup is started")
    (left,) = started_by(run)
    until(lambda: bool(prefect.told(left, "stream-sealed")), "its source is read")
    until(lambda: len(prefect.told(left, "pack-sent")) == 2, "two packs have arrived")

    with client() as api:
        api.set_flow_run_state(run.id, Cancelling())
    states = [ended(each.id).state_name for each in (run, left)]
    card = artifacts(left.id)["markdown"]
    gate.open()
    successor = ended(deployment_run({}, f"backup/{name}").id)

    assert states == ["Cancelled", "Cancelled"]
    assert "wait in the spool" in card
    assert successor.state_name == "Completed", message(successor)
    assert f"of `{left.id.hex}`" in artifacts(successor.id)["markdown"]
    assert outcomes(task_runs(successor, 1, 6))["adopt", "Completed"] == 1
    sealed, arrived = packs(prefect, left, "pack-sealed"), packs(prefect, left, "pack-sent")
    assert set() < arrived < sealed <= {path.partition("/packs/")[2] for path in gate.packs}
    assert {count for path, count in gate.uploads.items() if path.partition("/packs/")[2] in arrived} == {1}
    assert visible(s3_house) == [successor.id.bytes]
    assert_restored(s3_house)
