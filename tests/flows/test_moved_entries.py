"""An entry that another host backs up by now: what still comes to the queue that its deployment left reads nothing."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from prefect.client.schemas.objects import FlowRun, State
from prefect.states import AwaitingConcurrencySlot, AwaitingRetry, Failed, Late, Pending, Running

from flows.apply_inventory import apply_inventory
from flows.backup import backup
from flows.deploying.applying import apply
from flows.deploying.planning import plan
from proofkeep.inventory import Inventory
from proofkeep.snapshots import list_snapshots
from tests.architecture.tree import ROOT
from tests.flows.conftest import QUEUE, PrefectSide
from tests.flows.house import House
from tests.flows.inventories import Names, new_names, register
from tests.flows.running import artifacts, ask_for_retry, client, ended, message, run_here, run_here_again
from tests.flows.test_crashes import attempts

Deploy = Callable[[str], UUID]


@pytest.fixture
def deploy(deployed: PrefectSide) -> Iterator[Deploy]:
    """Put the one deployment of a test on a work queue."""
    assert deployed.directory.is_dir()
    name = f"moved-{os.urandom(4).hex()}"

    def on(queue: str) -> UUID:
        with client() as api:
            like = api.read_deployment_by_name("backup/backup")
            return api.create_deployment(
                like.flow_id,
                name,
                work_pool_name="proofkeep",
                work_queue_name=queue,
                entrypoint=like.entrypoint,
                pull_steps=like.pull_steps,
                tags=["proofkeep"],
            )

    yield on
    with client() as api:
        api.delete_deployment(on("done"))


def created(deployment: UUID, parameters: dict[str, Any], state: State[Any]) -> FlowRun:
    with client() as api:
        given = backup.serialize_parameters(parameters)
        return api.create_flow_run_from_deployment(deployment, parameters=given, state=state)


@pytest.mark.usefixtures("worker")
def test_backup_that_comes_to_the_queue_its_deployment_left_is_refused_before_it_reads(
    house: House, deploy: Deploy
) -> None:
    house.fill(1)
    run = created(deploy(QUEUE), house.parameters(), Failed())
    deploy("another.example")
    ask_for_retry(run)

    done = ended(run.id)

    assert done.state_name == "Failed"
    assert (
        f"EntryMovedError: run {run.id} is of work queue {QUEUE}, its deployment of another.example by now "
        in message(done)
    )
    assert list_snapshots(house.configuration.connect())[0] == []
    assert not house.state.exists() or attempts(house) == []
    assert "A Retry is refused again" in artifacts(run.id)["markdown"]


@pytest.mark.parametrize("mebibytes,ends", [(1, "Completed"), (24, "Failed")], ids=["read to its end", "cut"])
def test_retry_on_the_queue_its_deployment_left_sends_what_was_read_to_its_end_and_reads_nothing(
    mebibytes: int, ends: str, house: House, deploy: Deploy
) -> None:
    house.fill(mebibytes)
    obstacle = house.root / "store" / "packs"
    obstacle.write_text("in the way")
    run = run_here_again(backup, created(deploy("first.example"), house.parameters(), Pending()))
    obstacle.unlink()
    deploy("second.example")

    again = run_here_again(backup, run)

    assert (run.state_name, again.state_name) == ("Failed", ends), message(again)
    assert len(list_snapshots(house.configuration.connect())[0]) == (1 if ends == "Completed" else 0)
    card = artifacts(run.id)["markdown"]
    assert (f"`proofkeep resume-transfers {run.id.hex}` on the host of its queue" in card) is (ends == "Failed")
    assert "| or else |" not in card, "the entry's next run is on another host"


def test_run_whose_deployment_stayed_where_it_is_goes_on(house: House, deploy: Deploy) -> None:
    house.fill(1)

    run = run_here_again(backup, created(deploy("first.example"), house.parameters(), Pending()))

    assert run.state_name == "Completed", message(run)


def test_run_whose_deployment_somebody_deleted_has_not_moved(house: House, deploy: Deploy) -> None:
    house.fill(1)
    deployment = deploy("first.example")
    run = created(deployment, house.parameters(), Pending())
    with client() as api:
        api.delete_deployment(deployment)

    done = run_here_again(backup, run)

    assert done.state_name == "Completed", message(done)


@pytest.fixture
def names(deployed: PrefectSide) -> Iterator[Names]:
    """Names of one test, with an applied inventory; what is deployed goes."""
    names = new_names(ROOT)
    register(names, deployed.directory / "nowhere")
    with client() as api:
        apply(api, plan(api, names.inventory()))
    yield names
    with client() as api:
        for each in api.read_deployments(limit=200):
            if names.suffix in each.name:
                api.delete_deployment(each.id)


def host(names: Names) -> str:
    return f"host-{names.suffix}"


def elsewhere(names: Names) -> Inventory:
    """The inventory, whose entry has gone to another host."""
    before = names.inventory()
    (first,), (entry,) = before.hosts, before.entries
    other = f"other-{names.suffix}"
    return before.model_copy(
        update={
            "hosts": [first, first.model_copy(update={"name": other})],
            "entries": [entry.model_copy(update={"host": other})],
        }
    )


def test_what_waits_on_the_queue_that_an_entry_leaves_is_told_by_plan_and_cancelled_by_apply(names: Names) -> None:
    title = names.title("backup", "home")
    states: list[list[State[Any]]] = [
        [Late()],
        [AwaitingConcurrencySlot()],
        [Pending(), Running(), Failed(), AwaitingRetry()],
    ]
    with client() as api:
        deployment = api.read_deployment_by_name(title).id
        runs = [api.create_flow_run_from_deployment(deployment) for _ in states]
        for run, through in zip(runs, states, strict=True):
            for state in through:
                api.set_flow_run_state(run.id, state, force=True)
        under_way = api.create_flow_run_from_deployment(deployment, state=Running())

        made = plan(api, elsewhere(names))
        apply(api, made)
        since = api.create_flow_run_from_deployment(deployment)
        apply(api, plan(api, elsewhere(names)))

        waits, cancelled, *retried = (message(api.read_flow_run(run.id)) for run in runs)
        shown = [api.read_flow_run(run.id).state_name for run in (*runs, under_way, since)]

    (note,) = (note for note in made.notes if title in note)
    assert note.startswith(f"deployment {title} moves to queue other-{names.suffix}: what waits on the one it leaves")
    assert all(run.name in note for run in runs)
    assert shown == ["Cancelled"] * 3 + ["Running", "Scheduled"]
    assert waits == cancelled == f"its deployment moved to work queue other-{names.suffix}"
    assert retried == [
        f"{waits}; `proofkeep resume-transfers {runs[2].id.hex}` on this run's host sends what it had sealed"
    ]


def test_host_that_backs_nothing_up_any_more_is_told_where_what_waits_there_is_shown(
    names: Names, prefect: PrefectSide, tmp_path: Path
) -> None:
    file = tmp_path / "inventory.yaml"
    file.write_text(elsewhere(names).model_dump_json(exclude_none=True))
    said = (
        f"* host {host(names)} backs nothing up into repository main-{names.suffix} any more: its resume_transfers and "
        "abandon go, and `proofkeep status` on the host shows what waits there"
    )

    planned = prefect.command("proofkeep", "plan", str(file))
    applied = run_here(apply_inventory, {"inventory": elsewhere(names).model_dump(mode="json")})

    assert said in planned.stdout.splitlines(), planned.stderr
    assert applied.state_name == "Completed", message(applied)
    assert said in artifacts(applied.id)["markdown"].splitlines()
    with client() as api:
        again = plan(api, elsewhere(names))
        left = {each.name for each in api.read_deployments(limit=200) if host(names) in each.name}
    assert (again.is_empty, again.notes) == (True, [])
    assert left == {f"main-{names.suffix}-{host(names)}"}, "the status of the host that verifies"
