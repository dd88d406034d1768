"""Entries that leave the inventory while their runs are under way or wait, against the session's real server."""

from collections.abc import Iterator
from typing import Any

import pytest
from prefect.client.schemas.objects import State
from prefect.states import AwaitingRetry, Completed, Failed, Pending, Running

from flows.deploying.applying import apply
from flows.deploying.planning import plan
from proofkeep.errors import InventoryError
from proofkeep.inventory import Inventory
from tests.architecture.tree import ROOT
from tests.flows.conftest import PrefectSide
from tests.flows.inventories import Names, new_names, register
from tests.flows.running import client


@pytest.fixture
def names(deployed: PrefectSide) -> Iterator[Names]:
    """Names of one test, with an applied inventory; what is deployed goes."""
    names = new_names(ROOT)
    register(names, deployed.directory / "nowhere")
    applied(names.inventory())
    yield names
    with client() as api:
        for each in api.read_deployments(limit=200):
            if names.suffix in each.name:
                api.delete_deployment(each.id)


def applied(found: Inventory) -> None:
    with client() as api:
        apply(api, plan(api, found))


def without_entries(names: Names) -> Inventory:
    return names.inventory().model_copy(update={"entries": []})


def test_deployment_stays_as_long_as_a_run_of_it_is_under_way(names: Names) -> None:
    title = names.title("backup", "home")
    with client() as api:
        run = api.create_flow_run_from_deployment(api.read_deployment_by_name(title).id)
        taken: list[State[Any]] = [Pending(), Running()]
        for state in taken:
            api.set_flow_run_state(run.id, state)

            with pytest.raises(
                InventoryError, match=f"deployment {title} is to be removed, and its run {run.name} has not"
            ):
                apply(api, plan(api, without_entries(names)))

            assert api.read_deployment_by_name(title).id == run.deployment_id
        api.set_flow_run_state(run.id, Completed())
        applied(without_entries(names))

        assert api.read_flow_run(run.id).state_name == "Completed"
        assert plan(api, without_entries(names)).is_empty


def test_run_that_waits_is_cancelled_with_its_deployment(names: Names) -> None:
    with client() as api:
        deployment = api.read_deployment_by_name(names.title("backup", "home")).id
        waits = api.create_flow_run_from_deployment(deployment)
        again = api.create_flow_run_from_deployment(deployment)
        retried: list[State[Any]] = [Pending(), Running(), Failed(), AwaitingRetry()]
        for state in retried:
            api.set_flow_run_state(again.id, state)

        applied(without_entries(names))

        for run in (waits, again):
            ended = api.read_flow_run(run.id).state
            assert ended is not None
            assert (ended.name, ended.message) == ("Cancelled", "its deployment was removed")
