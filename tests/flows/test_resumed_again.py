"""Retry of `resume_transfers`: what is committed counts as done, and stays red while it lacks something."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from prefect.client.schemas.objects import FlowRun

from flows.abandon import abandon
from flows.backup import backup
from flows.resume_transfers import resume_transfers
from proofkeep.progress import counted
from tests.flows.aftermath import journal
from tests.flows.house import House
from tests.flows.leases import closed_to_everybody
from tests.flows.running import artifacts, message, run_here, run_here_again
from tests.flows.test_failure_cards import row
from tests.flows.test_recovery import committed, packs_away

BY_RETRY = "**Then:** press **Retry** on this run"


def unsent(house: House, entry: str) -> FlowRun:
    """A backup that sealed everything and could send nothing."""
    with packs_away(house):
        run = run_here(backup, house.parameters() | {"entry": entry})
    assert run.state_name == "Failed", message(run)
    return run


@pytest.fixture
def lacking(house: House) -> FlowRun:
    """The same, which could not read one of its files either."""
    house.fill(2)
    payslip = house.source / "payslip"
    payslip.write_bytes(b"unread at first")
    with closed_to_everybody(payslip):
        return unsent(house, "lacking")


@contextmanager
def packs_of_one_away(house: House, run: FlowRun) -> Iterator[None]:
    """The store takes no packs of this run: something lies where their folder has to be."""
    with journal(house, run) as durable:
        place = (house.root / "store" / next(durable.packs()).id.name).parent
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(b"in the way")
    yield
    place.unlink()


def resumed(house: House, *runs: FlowRun) -> tuple[FlowRun, str]:
    """A run of `resume_transfers`, and its card."""
    given: dict[str, Any] = {"runs": [each.id.hex for each in runs]} if runs else {}
    return told(run_here(resume_transfers, {"repository": house.name} | given))


def told(run: FlowRun) -> tuple[FlowRun, str]:
    return run, artifacts(run.id)["markdown"]


def test_retry_of_named_runs_sends_the_one_that_failed_and_counts_the_other_as_done(house: House) -> None:
    house.fill(2)
    sent, late = unsent(house, "sent"), unsent(house, "late")
    with packs_of_one_away(house, late):
        failed, card = resumed(house, sent, late)
    before = committed(house)

    again, done = told(run_here_again(resume_transfers, failed))

    assert failed.state_name == "Failed"
    assert BY_RETRY in card
    assert before == [sent.id.bytes]
    assert again.state_name == "Completed", message(again)
    assert set(committed(house)) == {sent.id.bytes, late.id.bytes}
    assert f"snapshot `{sent.id.hex}.0001` is committed, complete" in done


def test_incomplete_snapshot_stays_red_until_its_own_run_has_completed_it(house: House, lacking: FlowRun) -> None:
    first, card = resumed(house)
    second, same = told(run_here_again(resume_transfers, first))
    named, _ = resumed(house, lacking)
    whole = run_here_again(backup, lacking)
    third = run_here_again(resume_transfers, first)

    assert ["[partial-snapshot]" in message(run) for run in (first, second, named)] == [True] * 3
    for text in (card, same):
        assert f"**Retry** on the backup run itself: `prefect flow-run retry {lacking.id}`" in text
        assert BY_RETRY not in text
    assert whole.state_name == "Completed", message(whole)
    assert third.state_name == "Completed", message(third)


def test_failure_that_a_retry_mends_goes_before_an_incomplete_snapshot(house: House, lacking: FlowRun) -> None:
    late = unsent(house, "late")
    with packs_of_one_away(house, late):
        first, card = resumed(house)

    second, after = told(run_here_again(resume_transfers, first))

    assert "[partial-snapshot]" not in message(first)
    assert BY_RETRY in card
    assert "| also | `partial-snapshot`, 1 more" in card
    assert f"`prefect flow-run retry {lacking.id}`" in card
    assert "[partial-snapshot]" in message(second)
    assert BY_RETRY not in after
    assert set(committed(house)) == {lacking.id.bytes, late.id.bytes}


def test_run_whose_pack_is_gone_stays_red_until_its_source_was_read_again(house: House) -> None:
    house.fill(2)
    run = unsent(house, "gone")
    (spool,) = house.state.glob(f"*/runs/{run.id.hex}/spool")
    packs = len(list(spool.iterdir()))
    min(spool.iterdir()).unlink()

    first, card = resumed(house)
    second, same = told(run_here_again(resume_transfers, first))
    whole = run_here_again(backup, run)
    third = run_here_again(resume_transfers, first)

    why = "no snapshot: its source has to be read again, packs gone from this host's spool: 1"
    arrived = counted(packs - 1, "pack")
    assert f"{arrived} sent; {why}; the entry's next run counts on {arrived}" in card
    for ended, text in ((first, card), (second, same)):
        assert (ended.state_name, "[pack-missing]" in message(ended)) == ("Failed", True)
        assert f"**Retry** on the backup run itself: `prefect flow-run retry {run.id}`" in text
        assert BY_RETRY not in text
    assert whole.state_name == "Completed", message(whole)
    assert third.state_name == "Completed", message(third)
    assert committed(house) == [run.id.bytes]


def test_run_whose_pack_is_gone_is_done_once_a_later_snapshot_of_its_entry_stands_for_it(house: House) -> None:
    house.fill(2)
    run = unsent(house, "gone")
    (spool,) = house.state.glob(f"*/runs/{run.id.hex}/spool")
    min(spool.iterdir()).unlink()
    first, _ = resumed(house)
    later = run_here(backup, house.parameters() | {"entry": "gone"})

    again, card = told(run_here_again(resume_transfers, first))
    named, same = resumed(house, run)

    assert first.state_name == "Failed"
    assert (again.state_name, named.state_name) == ("Completed", "Completed"), message(again)
    for text in (card, same):
        assert f"no snapshot of its own: snapshot {later.id.hex}.0001, complete, is of a later instant" in text


def test_run_whose_journal_is_gone_is_told_with_what_gives_its_spool_back(house: House) -> None:
    house.fill(2)
    sent, lost = unsent(house, "sent"), unsent(house, "lost")
    (folder,) = house.state.glob(f"*/runs/{lost.id.hex}")
    for part in folder.glob("journal.sqlite*"):
        part.unlink()

    first, card = resumed(house)
    alone = run_here(resume_transfers, {"repository": house.name, "runs": [lost.id.hex]})
    given_up = run_here(abandon, {"repository": house.name, "run": lost.id.hex})
    second = run_here_again(resume_transfers, first)

    assert "[state-damaged]" in message(first)
    assert f"**Then:** `proofkeep abandon {lost.id.hex}` (or deployment `abandon`) gives the spool's space back" in card
    assert f"snapshot `{sent.id.hex}.0001` is committed, complete" in card
    assert row(told(alone)[1], "waiting") == "what the findings name"
    assert given_up.state_name == "Completed", message(given_up)
    assert row(told(given_up)[1], "journal").endswith("what it held is not known")
    assert "0 packs" not in told(given_up)[1], "nothing is said of what is not known"
    assert [file.name for file in folder.rglob("*") if file.is_file()] == ["lock"]
    assert second.state_name == "Completed", message(second)
