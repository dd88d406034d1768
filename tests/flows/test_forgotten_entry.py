"""An entry that is backed up on another host now stops alarming where it was, by who has nothing but the UI."""

from typing import Any

from prefect.client.schemas.objects import FlowRun

from flows.backup import backup
from flows.status import status
from proofkeep.attempts import VERIFY
from proofkeep.errors import DamagedError
from tests.flows.house import ENTRY, House
from tests.flows.running import artifacts, message, run_here, run_here_again, verdict


def seen(house: House, **parameters: Any) -> FlowRun:
    return run_here(status, {"repository": house.name} | parameters)


def test_entry_is_listed_until_the_status_is_told_to_forget_it(house: House) -> None:
    failed = run_here(backup, house.parameters())
    before = seen(house)

    forgetting = seen(house, forget=ENTRY)
    after = seen(house)

    assert failed.state_name == "Failed"
    assert verdict(before) == f"{ENTRY}: overdue, source-empty"
    assert forgetting.state_name == after.state_name == "Completed"
    assert f"| {ENTRY} |" not in artifacts(forgetting.id)["markdown"]


def test_entry_that_was_never_backed_up_here_cannot_be_forgotten(house: House) -> None:
    run = seen(house, forget="hmoe")

    assert "was never backed up or drilled here [usage]" in message(run)


def test_retry_of_a_run_that_forgot_an_entry_does_not_ask_for_it_again(house: House) -> None:
    house.fill(1)
    run_here(backup, house.parameters())
    ledger = house.root / "ledger"
    ledger.rename(house.root / "away")
    failed = seen(house, forget=ENTRY)
    (house.root / "away").rename(ledger)

    again = run_here_again(status, failed)

    assert failed.state_name == "Failed", message(failed)
    assert again.state_name == "Completed", message(again)


def test_repository_that_is_served_no_more_is_told_until_the_status_is_told_to_forget_it(house: House) -> None:
    with house.configuration.history() as history, history.recording(VERIFY, "/srv/gone", [], "aa" * 16) as recording:
        recording.failure = DamagedError("a pack is gone")
    before = seen(house)

    forgetting = seen(house, forget_repository="/srv/gone")
    after = seen(house)

    assert (before.state_name, verdict(before)) == ("Attention", "verify of all entries in /srv/gone: damaged")
    assert forgetting.state_name == after.state_name == "Completed"
