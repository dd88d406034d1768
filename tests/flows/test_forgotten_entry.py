"""An entry that is backed up on another host now stops alarming where it was, by who has nothing but the UI."""

from typing import Any

from prefect.client.schemas.objects import FlowRun

from flows.backup import backup
from flows.status import status
from tests.flows.house import ENTRY, House
from tests.flows.running import artifacts, message, run_here


def seen(house: House, **parameters: Any) -> FlowRun:
    return run_here(status, {"repository": house.name} | parameters)


def test_entry_is_listed_until_the_status_is_told_to_forget_it(house: House) -> None:
    failed = run_here(backup, house.parameters())
    before = seen(house)

    forgetting = seen(house, forget=ENTRY)
    after = seen(house)

    assert failed.state_name == "Failed"
    assert message(before) == f"{ENTRY}: overdue, source-empty"
    assert forgetting.state_name == after.state_name == "Completed"
    assert f"| {ENTRY} |" not in artifacts(forgetting.id)["markdown"]


def test_entry_that_was_never_backed_up_here_cannot_be_forgotten(house: House) -> None:
    run = seen(house, forget="hmoe")

    assert "entry 'hmoe' was never backed up on this host [usage]" in message(run)
