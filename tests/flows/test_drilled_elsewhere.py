"""A status names the host that drills an entry, and that host's status has its last drill."""

from flows.status import status
from proofkeep.attempts import DRILL
from tests.flows.house import ENTRY, House
from tests.flows.running import artifacts, run_here


def card(house: House, **parameters: object) -> str:
    run = run_here(status, {"repository": house.name} | parameters)
    return artifacts(run.id)["markdown"]


def test_host_that_backs_an_entry_up_names_the_one_that_drills_it(house: House) -> None:
    watched = {"entry": ENTRY, "source": house.name}

    elsewhere = card(house, entries=[watched | {"drilled_on": "restore-1.example"}])

    assert f"| {ENTRY} | never | 1d2h | on restore-1.example, see its status | **overdue** |" in elsewhere
    assert f"| {ENTRY} | never | 1d2h | none here | **overdue** |" in card(house, entries=[watched])


def test_host_that_drills_an_entry_lists_it_before_and_after_its_first_drill(house: House) -> None:
    before = card(house, drilled=[ENTRY])
    with (
        house.configuration.history() as history,
        history.recording(DRILL, house.configuration.place, [ENTRY], "aa" * 16),
    ):
        pass

    after = card(house, drilled=[ENTRY])

    title = "## Drilled here, backed up elsewhere"
    assert f"{title}\n\n| entry | last drill |\n|---|---|\n| {ENTRY} | none here |" in before
    assert " ago, passed |" in after.partition("## Drilled here")[2]
