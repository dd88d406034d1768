"""What a failed run's card says is safe: counted where it can be known, and called not counted where it cannot."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from prefect.client.schemas.objects import FlowRun

from blocks import Repository
from flows.backup import backup
from flows.resume_transfers import resume_transfers
from flows.standing import safe
from flows.status import status
from proofkeep.aftermath import Left
from proofkeep.backup import Backup
from proofkeep.configuration.identity import host_name
from proofkeep.errors import StoreUnavailableError
from tests.flows.aftermath import journal
from tests.flows.house import House
from tests.flows.running import artifacts, client, message, run_here, run_here_again
from tests.flows.test_failure_cards import card, row
from tests.flows.test_resumed_again import packs_of_one_away, resumed, unsent

LIES_THERE = f"what was sealed and not sent, if anything, lies in the spool on host {host_name()}"


@pytest.fixture
def stuck(house: House) -> FlowRun:
    """A run that sealed everything and could send nothing."""
    house.fill(2)
    return unsent(house, "home")


def journal_of(house: House, run: FlowRun) -> Path:
    (file,) = house.state.glob(f"*/runs/{run.id.hex}/journal.sqlite")
    return file


def rot(house: House, run: FlowRun) -> None:
    """Its journal is no database any more."""
    file = journal_of(house, run)
    for beside in file.parent.glob(f"{file.name}-*"):
        beside.unlink()
    file.write_bytes(b"rotten" * 4096)


def lose(house: House, run: FlowRun) -> None:
    """Its folder is gone, and so is the store: no journal can be begun."""
    shutil.rmtree(journal_of(house, run).parent)
    (house.root / "store").rename(house.root / "store-away")


def drop_the_block(house: House, _: FlowRun) -> None:
    """Nobody finds the repository's block."""
    with client() as api:
        found = api.read_block_document_by_name(house.name, Repository.get_block_type_slug())
        api.delete_block_document(found.id)


@pytest.mark.parametrize(
    "befalls,code,said",
    [
        (rot, "state-damaged", f"not counted, since a journal is gone or cannot be read: {LIES_THERE}"),
        (drop_the_block, "usage", f"not counted, since the repository block cannot be used: {LIES_THERE}"),
        (lose, "repository-missing", f"no journal of this run is on host {host_name()}: "),
    ],
    ids=["journal-unreadable", "block-unusable", "journal-gone"],
)
def test_what_a_run_sealed_is_not_called_nothing_where_nobody_can_look(
    befalls: Callable[[House, FlowRun], None], code: str, said: str, house: House, stuck: FlowRun
) -> None:
    befalls(house, stuck)

    run = run_here_again(backup, stuck)

    text = card(run)
    assert f"[{code}]" in message(run)
    assert row(text, "safe").startswith(said)
    assert "nothing is lost" not in text
    assert "| or else |" not in text


def test_unreadable_journal_is_told_where_the_transfers_are(house: House, stuck: FlowRun) -> None:
    rot(house, stuck)

    text = card(run_here_again(backup, stuck))

    assert row(text, "transfers") == "not known, the journal is gone or cannot be read"


def test_packs_that_lie_in_the_store_unproven_are_not_called_absent(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise StoreUnavailableError("store is away")

    house.fill(2)
    monkeypatch.setattr(Backup, "verify", fail)
    run = run_here(backup, house.parameters())
    seen = run_here(status, {"repository": house.name})

    with journal(house, run) as durable:
        sent = sum(pack.sent is not None for pack in durable.packs())
    assert sent > 0
    told = row(card(run), "safe")
    assert re.search(rf"; {sent} of them w\w+ sent and \w+ not proven yet, none is proven in the store$", told)
    assert f"; {sent} of them sent, not proven yet | 0 packs" in artifacts(seen.id)["markdown"]


def test_nothing_that_waits_and_nothing_that_arrived_is_said_in_one_breath(house: House, stuck: FlowRun) -> None:
    told = safe("backup", stuck, house.state, [Left(None, (), sealed=True, committed=None)])

    assert told == f"nothing waits in the spool on host {host_name()}"


def test_newest_snapshot_is_not_called_forgotten_where_no_journal_was_looked_at(house: House, stuck: FlowRun) -> None:
    drop_the_block(house, stuck)

    text = card(run_here_again(backup, stuck))

    assert "which snapshot is the newest is not known without the repository block" in row(text, "recovery point")


@pytest.mark.parametrize("how", ["named", "taken"])
def test_resumed_runs_are_told_with_their_transfers_and_what_waits(how: str, house: House) -> None:
    house.fill(2)
    sent, late = unsent(house, "sent"), unsent(house, "late")
    with packs_of_one_away(house, late):
        _, text = resumed(house, *([sent, late] if how == "named" else []))

    told = dict(re.findall(r"run `(\w+)`: (.*?)(?=<br>|$)", row(text, "transfers")))
    assert re.match(r"all \d+ are proven in the store", told[sent.id.hex])
    assert re.match(r"\d+ of \d+ are not proven in the store: number 0", told[late.id.hex])
    assert re.match(
        rf"nothing is lost: \d+ packs? \([\d.]+ MiB\) waits? in the spool on host {host_name()}; \d+ packs? \w+ proven",
        row(text, "safe"),
    )
    instead = row(text, "or else")
    assert f"`proofkeep abandon {late.id.hex}`" in instead
    assert sent.id.hex not in instead


def test_resume_that_does_not_find_one_of_its_runs_calls_nothing_safe(house: House) -> None:
    house.fill(2)
    late = unsent(house, "late")

    run = run_here(resume_transfers, {"repository": house.name, "runs": [late.id.hex, "00" * 16]})

    text = artifacts(run.id)["markdown"]

    assert f"run `{'00' * 16}`: not known, the journal is gone or cannot be read" in row(text, "transfers")
    assert row(text, "safe").startswith("not counted, since a journal is gone or cannot be read")


def test_resume_that_took_nothing_says_so(house: House) -> None:
    run = run_here(resume_transfers, {"repository": house.name, "runs": ["00" * 16]})

    text = artifacts(run.id)["markdown"]
    assert row(text, "safe") == (
        f"this run took nothing: what waits in the spool on host {host_name()} waits there as before"
    )
    assert "| transfers |" not in text
