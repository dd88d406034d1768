"""Whose a failure is that several entries of a repository may have: names, keys, entries and recovery points."""

from collections.abc import Callable

from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterFlowRunId
from prefect.client.schemas.objects import FlowRun

from flows.backup import backup
from flows.drill import restore_drill
from tests.flows.house import ENTRY, House, store_documents
from tests.flows.running import client, message, run_here
from tests.flows.test_failure_cards import card, row
from tests.flows.test_resumed_again import packs_of_one_away, resumed, unsent

NONE = "no journal that can be read here remembers a snapshot"


def backed_up(house: House, entry: str) -> FlowRun:
    run = run_here(backup, house.parameters() | {"entry": entry})
    assert run.state_name == "Completed", message(run)
    return run


def drilled(house: House, *entries: str) -> FlowRun:
    """A drill that fails before it looks at anything."""
    given = {"entries": list(entries)} if entries else {}
    return run_here(restore_drill, {"repository": house.name, "keys": "nowhere"} | given)


def key_of_card(run: FlowRun) -> str:
    mine = ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[run.id]))
    with client() as api:
        (key,) = (each.key for each in api.read_artifacts(artifact_filter=mine) if each.type == "markdown")
    return key or ""


def test_drill_of_one_entry_tells_its_own_name_and_recovery_point(house: House) -> None:
    house.fill(1)
    tried, alone = backed_up(house, "tried"), backed_up(house, "alone")

    text = card(drilled(house, "tried"))

    assert row(text, "what failed").startswith(f"drill of tried in {house.name}, attempt 1 of run")
    assert row(text, "where") == f"repository block `{house.name}`, entry `tried`"
    assert f"last committed here: entry `tried`, `{tried.id.hex}.0001` of " in row(text, "recovery point")
    assert alone.id.hex not in text


def test_drill_of_several_entries_tells_the_recovery_point_of_each(house: House) -> None:
    house.fill(1)
    runs = {name: backed_up(house, name) for name in ("home", "mail", "alone")}

    told = row(card(drilled(house, "mail", "home", "new")), "recovery point")

    mail, home = (f"entry `{name}`, `{runs[name].id.hex}.0001` of " for name in ("mail", "home"))
    assert f"last committed here: {mail}" in told
    assert f"<br>{home}" in told
    assert "alone" not in told
    assert "new" not in told


def test_drill_of_an_entry_that_was_never_backed_up_here_tells_no_others_recovery_point(house: House) -> None:
    house.fill(1)
    backed_up(house, "alone")

    assert NONE in row(card(drilled(house, "tried")), "recovery point")


def test_entry_of_the_same_name_in_another_repository_is_another_entry(
    house: House, make_house: Callable[..., House]
) -> None:
    other = make_house()
    store_documents(other.name, other.block.model_copy(update={"state": str(house.state)}))
    other.fill(1)
    backed_up(other, ENTRY)

    told = {name: row(card(drilled(of, ENTRY)), "recovery point") for name, of in (("own", house), ("other", other))}

    assert NONE in told["own"]
    assert f"last committed here: entry `{ENTRY}`, " in told["other"]


def test_drills_of_two_entries_are_told_apart_and_one_of_all_keeps_its_key(house: House) -> None:
    runs = {"home": drilled(house, "home"), "mail": drilled(house, "mail"), "all": drilled(house)}

    assert [run.name.rsplit(" ", 2)[0] for run in runs.values()] == [
        f"home in {house.name}",
        f"mail in {house.name}",
        house.name,
    ]
    assert [key_of_card(run) for run in runs.values()] == [
        f"drill-home-in-{house.name}",
        f"drill-mail-in-{house.name}",
        f"drill-{house.name}",
    ]


def test_resume_tells_entries_and_recovery_points_of_the_runs_that_it_took(house: House) -> None:
    house.fill(2)
    sent, late = unsent(house, "sent"), unsent(house, "late")
    alone = backed_up(house, "alone")
    with packs_of_one_away(house, late):
        _, one = resumed(house, late)
        _, both = resumed(house, sent, late)

    assert row(one, "where") == f"repository block `{house.name}`, entry `late`"
    assert NONE in row(one, "recovery point")
    assert row(both, "where") == f"repository block `{house.name}`, entry `sent`, entry `late`"
    assert f"last committed here: entry `sent`, `{sent.id.hex}.0001` of " in row(both, "recovery point")
    assert alone.id.hex not in one + both
