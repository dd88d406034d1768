"""What a failed backup leaves, as the Prefect UI shows it: taken up, resumed, given up, and seen by the status."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from prefect.client.schemas.objects import FlowRun

from flows.abandon import abandon
from flows.backup import backup
from flows.restore import restore
from flows.resume_transfers import resume_transfers
from flows.status import status
from flows.verify import verify
from proofkeep.snapshots import list_snapshots
from proofkeep.unfinished import NOT_ASKED
from tests.flows.gatekeeper import Gatekeeper
from tests.flows.house import ENTRY, House
from tests.flows.running import artifacts, message, outcomes, run_here, run_here_again, task_runs


@contextmanager
def packs_away(house: House) -> Iterator[None]:
    """The store takes no packs: something lies where their folder has to be."""
    place = house.root / "store" / "packs"
    place.write_bytes(b"in the way")
    yield
    place.unlink()


@pytest.fixture
def failed(house: House) -> FlowRun:
    """A backup that sealed everything and could send nothing."""
    house.fill(2)
    with packs_away(house):
        run = run_here(backup, house.parameters())
    assert run.state_name == "Failed", message(run)
    return run


def seen(house: House) -> tuple[FlowRun, str]:
    """A run of the status, and its table."""
    watched = {"repository": house.name, "entries": [{"entry": ENTRY, "source": house.name}]}
    run = run_here(status, watched)
    return run, artifacts(run.id)["markdown"]


def committed(house: House) -> list[bytes]:
    return [snapshot.id.run for snapshot in list_snapshots(house.configuration.connect())[0]]


def assert_restored(house: House) -> None:
    target = house.root / "restored"
    run = run_here(restore, {"repository": house.name, "keys": house.name, "target": str(target)})
    assert run.state_name == "Completed", message(run)
    assert house.is_restored(target)


def test_status_is_failed_while_something_is_open_and_resuming_closes_it(house: House, failed: FlowRun) -> None:
    bad, table = seen(house)
    card = artifacts(failed.id)["markdown"]

    resumed = run_here(resume_transfers, {"repository": house.name})
    good, after = seen(house)

    assert (bad.state_name, bad.state.type.value if bad.state else "") == ("Attention", "FAILED")
    assert message(bad).startswith(f"{ENTRY}: overdue, ")
    assert failed.id.hex in table
    assert f"proofkeep resume-transfers {failed.id.hex}" in table
    assert f"proofkeep abandon {failed.id.hex}" in table
    assert f"proofkeep resume-transfers {failed.id.hex}" in card
    assert resumed.state_name == "Completed", message(resumed)
    assert f"snapshot `{failed.id.hex}.0001` is committed, complete" in artifacts(resumed.id)["markdown"]
    assert (good.state_name, failed.id.hex in after) == ("Completed", False), after
    assert committed(house) == [failed.id.bytes]
    assert_restored(house)


def test_next_run_takes_up_what_a_failed_one_sealed(house: House, failed: FlowRun) -> None:
    run = run_here(backup, house.parameters())

    assert run.state_name == "Completed", message(run)
    ended = outcomes(task_runs(run, 1, 6))
    assert ended["adopt", "Completed"] == 1
    assert not any(name in {"upload", "verify"} for name, _ in ended)
    assert f"of `{failed.id.hex}`" in artifacts(run.id)["markdown"]
    assert seen(house)[0].state_name == "Completed"
    assert committed(house) == [run.id.bytes]
    assert_restored(house)


def test_on_s3_the_next_run_sends_only_what_had_not_arrived(s3_house: House, gate: Gatekeeper) -> None:
    s3_house.fill(6)
    gate.refused = frozenset(range(3, 100))
    failed = run_here(backup, s3_house.parameters())
    assert failed.state_name == "Failed", message(failed)
    arrived = set(gate.packs)
    gate.open()

    run = run_here(backup, s3_house.parameters())

    assert run.state_name == "Completed", message(run)
    assert len(arrived) == 2
    assert arrived < set(gate.packs)
    assert {path: count for path, count in gate.uploads.items() if count != 1} == {}
    assert len(gate.packs) == len(gate.numbers)
    assert committed(s3_house) == [run.id.bytes]
    assert_restored(s3_house)


def test_abandoned_run_is_told_and_its_retry_is_refused(house: House, failed: FlowRun) -> None:
    given_up = run_here(abandon, {"repository": house.name, "run": str(failed.id)})
    again = run_here_again(backup, failed)

    assert given_up.state_name == "Completed", message(given_up)
    told = artifacts(given_up.id)["markdown"]
    assert "the source must be read again" in told
    assert NOT_ASKED not in told
    assert "[run-abandoned]" in message(again)
    assert committed(house) == []
    assert not [file for file in house.state.glob("*/runs/*/spool/*") if file.is_file()]


def test_run_that_was_committed_after_its_state_was_copied_ends_with_its_snapshot(
    house: House, failed: FlowRun
) -> None:
    shutil.copytree(house.state, house.root / "copy")
    first = run_here_again(backup, failed)
    shutil.rmtree(house.state)
    (house.root / "copy").rename(house.state)

    _, table = seen(house)
    refused = run_here(abandon, {"repository": house.name, "run": failed.id.hex})
    again = run_here_again(backup, failed)
    _, after = seen(house)

    assert first.state_name == "Completed", message(first)
    assert f"snapshot `{failed.id.hex}.0001` is committed, which its journal does not know" in table
    assert f"proofkeep abandon {failed.id.hex}" not in table
    assert f"run {failed.id.hex} is not given up, its snapshot {failed.id.hex}.0001 is committed" in message(refused)
    assert again.state_name == "Completed", message(again)
    assert f"`{failed.id.hex}.0001`, **complete**" in artifacts(again.id)["markdown"]
    assert failed.id.hex not in after
    assert committed(house) == [failed.id.bytes]


def test_pattern_for_a_run_gives_up_none(house: House, failed: FlowRun) -> None:
    refused = run_here(abandon, {"repository": house.name, "run": "*"})

    assert "run id is not 32 hex digits [usage]" in message(refused)
    assert f"proofkeep abandon {failed.id.hex}" in seen(house)[1]


def test_unreadable_store_fails_the_status_with_its_own_code(house: House) -> None:
    house.fill(1)
    assert run_here(backup, house.parameters()).state_name == "Completed"
    assert run_here(verify, {"repository": house.name}).state_name == "Completed"
    (house.root / "store").rename(house.root / "away")

    run, table = seen(house)

    assert run.state_name == "Failed"
    assert "[repository-missing]" in message(run)
    assert "(`repository-missing`" in table


@pytest.mark.parametrize(
    "flow,parameters",
    [(abandon, {"run": "00" * 16}), (resume_transfers, {"runs": ["00" * 16]})],
    ids=["abandon", "resume"],
)
def test_run_that_this_host_does_not_hold_is_refused(flow: Any, parameters: dict[str, Any], house: House) -> None:
    run = run_here(flow, {"repository": house.name} | parameters)

    assert "on this host" in message(run)
    assert "[usage]" in message(run)
