"""Entries that leave the inventory while their runs are under way or wait, against the session's real server."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prefect.client.schemas.objects import State
from prefect.exceptions import ObjectNotFound
from prefect.states import AwaitingRetry, Completed, Failed, Pending, Running, Suspended

from flows.apply_inventory import apply_inventory
from flows.deploying.applying import apply
from flows.deploying.planning import plan
from proofkeep.cli.exits import Exit
from proofkeep.errors import InventoryError
from proofkeep.inventory import Inventory
from tests.architecture.tree import ROOT
from tests.flows.conftest import PrefectSide
from tests.flows.inventories import Names, new_names, register
from tests.flows.running import artifacts, client, message, run_here


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
        apply(api, plan(api, found, allow_empty=True))


def without_entries(names: Names) -> Inventory:
    return names.inventory().model_copy(update={"entries": []})


def test_deployment_stays_as_long_as_a_run_of_it_is_under_way(names: Names) -> None:
    title = names.title("backup", "home")
    with client() as api:
        run = api.create_flow_run_from_deployment(api.read_deployment_by_name(title).id)
        taken: list[State[Any]] = [Pending(), Running(), Suspended(timeout_seconds=300)]
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


def test_inventory_that_lost_its_entries_removes_none_of_their_deployments_unless_that_is_meant(
    names: Names, prefect: PrefectSide, tmp_path: Path
) -> None:
    title, emptied = names.title("backup", "home"), without_entries(names)
    form = {"inventory": emptied.model_dump(mode="json")}
    file = tmp_path / "inventory.yaml"
    file.write_text(emptied.model_dump_json(exclude_none=True))  # which is YAML too

    by_form = run_here(apply_inventory, form)
    by_command = prefect.command("proofkeep", "apply", str(file), "--json")
    with client() as api:
        assert api.read_deployment_by_name(title).schedules
    allowed = prefect.command("proofkeep", "plan", str(file), "--allow-empty", "--json")
    meant = run_here(apply_inventory, form | {"allow_empty": True})

    refusal = f"inventory {emptied.name} has no entry any more: 3 deployments of its entries would be removed; "
    assert (by_form.state_name, refusal in message(by_form)) == ("Failed", True)
    assert "`allow_empty`" in artifacts(by_form.id)["markdown"]
    assert (by_command.returncode, refusal in by_command.stderr) == (Exit.USAGE, True)
    assert (allowed.returncode, json.loads(allowed.stdout)["result"]["misfits"]) == (Exit.DIFFERENT, [])
    assert meant.state_name == "Completed", message(meant)
    with client() as api, pytest.raises(ObjectNotFound):
        api.read_deployment_by_name(title)
