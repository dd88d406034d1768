"""Parameters that a flow does not take: refused where a run is asked for, and else told by their names."""

from pathlib import Path
from typing import Any

import pytest
from prefect.exceptions import PrefectHTTPStatusError
from prefect.states import Crashed, Pending

from flows.deploying.applying import apply
from flows.deploying.planning import plan
from flows.next_step import NEW_PARAMETERS
from flows.outside import AGAIN
from flows.reconcile import reconcile
from tests.architecture.tree import ROOT
from tests.flows.conftest import QUEUE, PrefectSide
from tests.flows.inventories import new_names, register
from tests.flows.running import artifacts, client, deployment_run, message
from tests.flows.test_reconcile import NO_TIME, now
from tests.waiting import until

TYPED = "typed-into-the-wrong-field"


@pytest.mark.usefixtures("deployed")
def test_deployment_of_an_inventory_refuses_a_run_with_parameters_that_its_flow_does_not_take(tmp_path: Path) -> None:
    names = new_names(ROOT)
    register(names, tmp_path)
    title = names.title("resume_transfers", f"main-{names.suffix}-host")
    with client() as api:
        made = plan(api, names.inventory())
        apply(api, made)
        found = api.read_deployment_by_name(title)
        with pytest.raises(PrefectHTTPStatusError) as refused:
            api.create_flow_run_from_deployment(found.id, parameters={"run": TYPED})
        for deployment in made.wanted.deployments:
            api.delete_deployment(api.read_deployment_by_name(deployment.title).id)

    assert refused.value.response.status_code == 409
    assert "'run' was unexpected" in refused.value.response.text


@pytest.mark.parametrize(
    "flow,parameters,wrong",
    [
        ("resume_transfers", {"repository": "main", "run": TYPED}, "takes repository, runs: unknown run"),
        ("abandon", {"repository": "main", "run": "00", "runs": [TYPED]}, "takes repository, run: unknown runs"),
    ],
)
def test_run_that_crashed_for_them_is_told_as_such_and_asks_for_a_new_one(
    flow: str, parameters: dict[str, Any], wrong: str, deployed: PrefectSide, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert deployed.directory.is_dir()
    monkeypatch.setenv("PROOFKEEP_HOST", QUEUE)
    with client() as api:
        found = api.read_deployment_by_name(f"{flow}/{flow}")
        run = api.create_flow_run_from_deployment(found.id, parameters=parameters, state=Pending())
        api.set_flow_run_state(run.id, Crashed(message="Process exited with status code: 1."), force=True)

    assert run.id in {each.id for each in reconcile(settled=NO_TIME).told}

    said, card = message(now(run.id)), artifacts(run.id)["markdown"]
    assert said.startswith(f"{AGAIN}parameters do not fit the flow, which {wrong} [usage]. ")
    assert f"**Then:** {NEW_PARAMETERS}" in card
    assert TYPED not in said + card


@pytest.mark.usefixtures("worker")
def test_process_that_they_ended_is_not_called_killed_by_its_worker() -> None:
    run = deployment_run({"repository": "main", "run": TYPED}, "resume_transfers/resume_transfers")

    until(lambda: message(now(run.id)).startswith(AGAIN), "its worker has told it")

    assert now(run.id).state_name == "Crashed"
    assert "unknown run [usage]" in message(now(run.id))


@pytest.mark.usefixtures("deployed")
def test_form_of_a_backup_refuses_an_entry_without_a_name(tmp_path: Path) -> None:
    names = new_names(ROOT)
    register(names, tmp_path)
    with client() as api:
        made = plan(api, names.inventory())
        apply(api, made)
        found = api.read_deployment_by_name(names.title("backup", "home"))
        refused = []
        for entry in ("", "  ", "ho|me"):
            with pytest.raises(PrefectHTTPStatusError) as met:
                api.create_flow_run_from_deployment(found.id, parameters={"entry": entry})
            refused.append(met.value.response.status_code)
        for deployment in made.wanted.deployments:
            api.delete_deployment(api.read_deployment_by_name(deployment.title).id)

    assert refused == [409, 409, 409]
