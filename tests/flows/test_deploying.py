"""Plan and apply against the session's real server."""

import json
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from prefect.client.schemas.actions import DeploymentScheduleCreate, DeploymentUpdate
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterFlowRunId
from prefect.client.schemas.objects import ConcurrencyLimitStrategy
from prefect.client.schemas.responses import DeploymentResponse
from prefect.client.schemas.schedules import CronSchedule, IntervalSchedule

from flows.apply_inventory import apply_inventory
from flows.deploying.applying import apply
from flows.deploying.planning import Plan, plan
from proofkeep.cli.exits import Exit
from proofkeep.errors import InventoryError
from proofkeep.inventory import Inventory
from tests.architecture.tree import ROOT
from tests.docs.pages import blocks_run_by, type_in
from tests.flows.conftest import PrefectSide
from tests.flows.inventories import Names, new_names, register
from tests.flows.running import artifacts, client, message, run_here

OF_ENTRY = ("backup", "spot_check", "restore_drill")
OF_SPOOL = ("status", "resume_transfers", "abandon")
FLOWS = (*OF_ENTRY, *OF_SPOOL, "verify", "restore", "fleet", "apply_inventory")


@pytest.fixture(scope="module")
def registered(deployed: PrefectSide, tmp_path_factory: pytest.TempPathFactory) -> Names:
    """Names of this module alone, their blocks registered."""
    assert deployed.directory.is_dir()
    names = new_names(ROOT)
    register(names, tmp_path_factory.mktemp("deploying"))
    return names


@pytest.fixture
def names(registered: Names) -> Iterator[Names]:
    """The module's names; what a test deployed goes."""
    yield registered
    with client() as api:
        for each in held(registered):
            api.delete_deployment(each.id)


def held(names: Names) -> list[DeploymentResponse]:
    """Every deployment under these names."""
    with client() as api:
        return [each for each in api.read_deployments(limit=200) if names.suffix in each.name]


def planned(found: Inventory) -> Plan:
    with client() as api:
        return plan(api, found)


def applied(found: Inventory, **how: bool) -> Plan:
    with client() as api:
        made = plan(api, found, **how)
        apply(api, made)
    return made


def deployment(title: str) -> DeploymentResponse:
    with client() as api:
        return api.read_deployment_by_name(title)


def told(made: Plan) -> list[str]:
    """Every change in one line, with its fields."""
    return [
        f"{each.does} {each.name} {' '.join(field.field for field in each.fields)}".strip() for each in made.changes
    ]


def test_plan_after_apply_is_empty_and_a_second_apply_changes_nothing(names: Names) -> None:
    found = names.inventory()

    first = applied(found)

    made = {each.name for each in first.changes if each.kind == "deployment"}
    assert sorted(title.partition("/")[0] for title in made) == sorted(FLOWS)
    assert all(each.does == "create" for each in first.changes if each.kind == "deployment")
    before = {title: deployment(title).updated for title in made}
    assert planned(found).is_empty
    assert applied(found).changes == []
    assert {title: deployment(title).updated for title in made} == before


def test_entry_is_deployed_when_where_and_how_it_says(names: Names) -> None:
    applied(names.inventory())

    found = deployment(names.title("backup", "home"))

    assert [(item.schedule.cron, item.schedule.timezone) for item in found.schedules] == [("30 1 * * *", "UTC")]  # type: ignore[union-attr] # cron
    assert (found.work_pool_name, found.work_queue_name) == ("proofkeep", f"host-{names.suffix}")
    assert found.parameters == {
        "entry": f"home-{names.suffix}",
        "repository": f"main-{names.suffix}",
        "source": f"home-{names.suffix}",
        "options": {"expiry_days": 90},
    }
    assert set(found.tags) == {
        "proofkeep",
        "backup",
        f"inventory:example-{names.suffix}",
        f"entry:home-{names.suffix}",
    }
    assert found.concurrency_options is not None
    assert found.concurrency_options.collision_strategy is ConcurrencyLimitStrategy.ENQUEUE
    assert found.pull_steps == [{"prefect.deployments.steps.set_working_directory": {"directory": str(ROOT)}}]


def test_schedule_changed_in_the_ui_shows_up_and_is_put_back(names: Names) -> None:
    found = names.inventory()
    applied(found)
    title = names.title("backup", "home")
    before = deployment(title)
    with client() as api:
        api.update_deployment_schedule(
            before.id, before.schedules[0].id, schedule=CronSchedule(cron="0 5 * * 1", timezone="UTC")
        )

    made = planned(found)

    assert told(made) == [f"change {title} schedules"]
    difference = made.changes[0].fields[0]
    assert (difference.held, difference.wanted) == (["0 5 * * 1 UTC"], ["30 1 * * * UTC"])
    applied(found)
    assert planned(found).is_empty


def test_every_kind_of_drift_shows_up(names: Names) -> None:
    found = names.inventory()
    applied(found)
    title = names.title("verify", "main")
    before = deployment(title)
    with client() as api:
        api.create_deployment_schedules(before.id, [_hourly()])
        api.update_deployment(
            before.id, _patch(parameters={"repository": "other", "read": 0.1}, tags=[*before.tags, "mine"])
        )
        api.pause_deployment(before.id)
        queue = api.read_work_queue_by_name(f"host-{names.suffix}", "proofkeep")
        api.update_work_queue(queue.id, concurrency_limit=9)
        api.upsert_global_concurrency_limit_by_name(f"proofkeep-repository-main-{names.suffix}", 99)

    assert told(planned(found)) == [
        f"change host-{names.suffix} limit",
        f"change proofkeep-repository-main-{names.suffix} limit",
        f"change {title} tags schedules paused parameters.repository",
    ]
    applied(found)
    assert planned(found).is_empty


def _hourly() -> DeploymentScheduleCreate:
    return DeploymentScheduleCreate(schedule=IntervalSchedule(interval=timedelta(hours=1)), active=False)


def _patch(**fields: Any) -> DeploymentUpdate:
    return DeploymentUpdate(**fields)


def test_entry_that_left_the_inventory_is_removed_and_nobody_elses(names: Names) -> None:
    found = names.inventory()
    applied(found)
    other = new_names(ROOT)
    register(other, Path("/nowhere"))
    applied(other.inventory())

    emptied = found.model_copy(update={"entries": []})
    made = applied(emptied, allow_empty=True)

    gone = sorted(each.name for each in made.changes if each.does == "remove")
    of_spool = {flow: names.title(flow, f"main-{names.suffix}-host") for flow in OF_SPOOL}
    status = of_spool.pop("status")  # the repository is verified there as before
    assert gone == sorted([*of_spool.values(), *(names.title(flow, "home") for flow in OF_ENTRY)])
    assert [each for each in told(made) if each.startswith(f"change {status} parameters.entries")]
    assert planned(emptied).is_empty
    assert planned(other.inventory()).is_empty
    with client() as api:
        for each in held(other):
            api.delete_deployment(each.id)


def test_somebody_elses_deployment_of_the_same_name_stops_the_apply(names: Names) -> None:
    title = names.title("backup", "home")
    with client() as api:
        flow = api.create_flow_from_name("backup")
        foreign = api.create_deployment(flow, f"home-{names.suffix}", entrypoint="elsewhere.backup", tags=["mine"])

    with pytest.raises(InventoryError, match=f"deployment {title} exists and is not of inventory"):
        applied(names.inventory())

    assert deployment(title).entrypoint == "elsewhere.backup"
    assert [each.id for each in held(names)] == [foreign]


@pytest.mark.parametrize(
    "change,said",
    [
        (("transport: local", "transport: tls"), "says transport tls, its block says local"),
        (("key: backup-", "key: restore-"), "says key restore-"),
        (("source: home-", "source: absent-"), "block proofkeep-source/absent-"),
        (("restore_key: restore-", "restore_key: absent-"), "block proofkeep-key-provider/absent-"),
        (("allowed_age: 26h", "allowed_age: 2d"), "says allowed_age 2d, source block home-"),
    ],
    ids=["transport", "key", "source", "restore key", "allowed age"],
)
def test_claim_that_a_block_contradicts_stops_the_apply(change: tuple[str, str], said: str, names: Names) -> None:
    found = names.inventory(change)

    assert any(said in misfit for misfit in planned(found).misfits)
    with pytest.raises(InventoryError, match="does not fit this server"):
        applied(found)

    assert held(names) == []


def test_plan_tells_differences_by_exit_code_and_json(names: Names, prefect: PrefectSide, tmp_path: Path) -> None:
    file = tmp_path / "inventory.yaml"
    file.write_text(names.text)

    told = prefect.command("proofkeep", "plan", str(file), "--json")

    assert told.returncode == Exit.DIFFERENT, told.stderr
    document = json.loads(told.stdout)
    assert {each["does"] for each in document["result"]["changes"] if each["kind"] == "deployment"} == {"create"}
    assert document["exit"] == Exit.DIFFERENT


def test_commands_of_the_page_work(names: Names, prefect: PrefectSide, tmp_path: Path) -> None:
    (tmp_path / "inventory.yaml").write_text(names.text)
    page = ROOT / "docs" / "platform-engineer" / "inventory.md"
    (commands,) = blocks_run_by(page, "tests/flows/test_deploying.py::test_commands_of_the_page_work")
    path = f"{Path(sys.executable).parent}:{prefect.environment['PATH']}"

    said = type_in(commands, tmp_path, {**prefect.environment, "PATH": path})

    assert said.count(f"+ create deployment {names.title('backup', 'home')}\n") == 2
    assert said.endswith("nothing to be made\n")
    assert planned(names.inventory()).is_empty


def test_form_of_the_flow_applies_what_was_typed_and_tells_what_lacks(names: Names) -> None:
    found = names.inventory()

    run = run_here(apply_inventory, {"inventory": found.model_dump(mode="json")})

    assert run.state_name == "Completed", message(run)
    assert planned(found).is_empty
    assert "`own-host-decrypts`" in "".join(texts(run.id))
    assert any(f"+ create deployment {names.title('fleet', 'example')}" in text for text in texts(run.id))


def texts(run_id: Any) -> list[str]:
    with client() as api:
        mine = ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[run_id]))
        return [str(each.data) for each in api.read_artifacts(artifact_filter=mine)]


def test_form_that_only_plans_changes_nothing(names: Names) -> None:
    parameters = {"inventory": names.inventory().model_dump(mode="json"), "only_plan": True}

    run = run_here(apply_inventory, parameters)

    assert run.state_name == "Completed", message(run)
    assert not planned(names.inventory()).is_empty


def test_wrong_inventory_fails_its_run_with_a_card_that_says_since_when(names: Names) -> None:
    found = names.inventory(("transport: local", "transport: tls"))

    first, run = (run_here(apply_inventory, {"inventory": found.model_dump(mode="json")}) for _ in range(2))

    assert (first.state_name, run.state_name) == ("Failed", "Failed")
    assert "[inventory]" in message(run)
    assert "does not fit this server" in (card := artifacts(run.id)["markdown"])
    assert "; the run before it failed too, the first " in card
    assert run.name.startswith(f"{found.name} 20")


def test_inventory_renders_as_a_typed_form(names: Names) -> None:
    applied(names.inventory())

    form = deployment(names.title("apply_inventory", "example")).parameter_openapi_schema

    assert form is not None
    entry = form["definitions"]["Entry"]["properties"]
    assert entry["cui"]["type"] == "boolean"
    assert all(field["description"] for field in entry.values())
    assert form["definitions"]["Inventory"]["properties"]["entries"]["items"] == {"$ref": "#/definitions/Entry"}
