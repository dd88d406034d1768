"""Runs that cannot go on say so with a code, and leave nothing half-visible."""

from uuid import uuid4

import pytest
from prefect.states import Failed, Pending, Scheduled

from flows.backup import backup
from flows.host import JOURNAL
from flows.next_step import next_step
from flows.restore import restore
from proofkeep.errors import WrongHostError
from proofkeep.snapshots import list_snapshots
from tests.flows.conftest import PrefectSide
from tests.flows.house import House
from tests.flows.running import artifacts, client, message, outcomes, run_here, run_here_again, task_runs


def test_unknown_block_is_named(house: House) -> None:
    run = run_here(backup, house.parameters() | {"repository": "nowhere"})

    assert run.state_name == "Failed"
    assert "UsageError: block proofkeep-repository/nowhere does not exist" in message(run)


def test_empty_source_is_refused_unless_it_is_meant(house: House) -> None:
    refused = run_here(backup, house.parameters())
    meant = run_here(backup, house.parameters(allow_empty=True))

    assert "SourceEmptyError" in message(refused)
    assert meant.state_name == "Completed"


def test_full_spool_ends_the_run_when_no_transfer_can_leave_it(house: House) -> None:
    house.fill(24)
    (house.root / "store" / "packs").write_text("in the way")

    run = run_here(backup, house.parameters())

    assert run.state_name == "Failed"
    assert "SpoolFullError" in message(run)
    failed = {name for (name, state) in outcomes(task_runs(run, 1, 5)) if state == "Failed"}
    assert failed == {"checksum", "upload"}


def test_run_that_filled_its_spool_goes_on_when_the_store_is_mended(house: House) -> None:
    house.fill(24)
    obstacle = house.root / "store" / "packs"
    obstacle.write_text("in the way")
    run = run_here(backup, house.parameters())
    obstacle.unlink()

    run = run_here_again(backup, run)

    assert run.state_name == "Completed", message(run)
    restored = run_here(restore, {"repository": house.name, "keys": house.name, "target": str(house.root / "restored")})
    assert restored.state_name == "Completed", message(restored)
    assert house.is_restored(house.root / "restored")


def test_retry_on_another_host_is_refused_and_names_the_right_one(house: House) -> None:
    house.fill(1)
    with client() as api:
        run = api.create_flow_run(backup, parameters=house.parameters(), state=Pending())
        api.update_flow_run_labels(run.id, {JOURNAL: "elsewhere.example"})

    run = run_here_again(backup, run)

    assert run.state_name == "Failed"
    assert f"WrongHostError: journal of run {run.id} lies on host elsewhere.example" in message(run)
    assert run.labels[JOURNAL] == "elsewhere.example"
    assert list_snapshots(house.configuration.connect())[0] == []
    card = artifacts(run.id)["markdown"]
    assert f"**Then:** on host elsewhere.example run `proofkeep resume-transfers {run.id.hex}`" in card
    assert "the worker of host elsewhere.example alone polls this run's work queue, and press **Retry**" in card


def test_run_keeps_the_queue_it_was_created_with_whatever_its_deployment_says(deployed: PrefectSide) -> None:
    assert deployed.directory.is_dir()
    with client() as api:
        flow = api.create_flow(backup)
        first, second = f"first-{uuid4()}", f"second-{uuid4()}"
        made = api.create_deployment(flow, first, work_pool_name="proofkeep", work_queue_name=first)
        run = api.create_flow_run_from_deployment(made, state=Failed())
        again = api.create_deployment(flow, first, work_pool_name="proofkeep", work_queue_name=second)
        moved = api.read_deployment(made)
        api.set_flow_run_state(run.id, Scheduled(), force=True)
        retried = api.read_flow_run(run.id)

    assert (again, moved.work_queue_name) == (made, second)
    assert retried.work_queue_name == first
    assert f"this run's work queue `{first}`" in next_step(retried, WrongHostError("x"))


def test_restore_with_the_backup_roles_keys_is_denied(house: House) -> None:
    house.fill(1)
    assert run_here(backup, house.parameters()).state_name == "Completed"

    run = run_here(restore, {"repository": house.name, "target": str(house.root / "restored")})

    assert "KeyDeniedError" in message(run)
    assert not (house.root / "restored").exists()


@pytest.mark.parametrize("identity", ["not hex", "00", "zz" * 16])
def test_restore_refuses_what_is_no_keyed_id(identity: str, prefect: PrefectSide) -> None:
    run = run_here(restore, {"repository": "any", "target": str(prefect.directory / "out"), "file_ids": [identity]})

    assert "UsageError: file ids have 32 hex digits each" in message(run)
