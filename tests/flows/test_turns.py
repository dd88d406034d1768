"""A flow run that waits for another commit of its host: what a person sees of it, Cancel, the card, and Retry."""

import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any
from unittest.mock import patch

import pytest
from prefect.artifacts import update_progress_artifact
from prefect.client.schemas.objects import FlowRun
from prefect.states import Cancelling

from flows import progress
from flows.backup import backup
from flows.resume_transfers import resume_transfers
from proofkeep.backup import sender, turn
from proofkeep.backup.underway import SENT_ELSEWHERE, WAITS
from proofkeep.errors import LedgerBusyError
from proofkeep.state import locked
from proofkeep.unfinished import UnfinishedRun, unfinished_runs
from proofkeep.unfinished.sending import say_sending
from tests.flows.aftermath import assert_restored, visible
from tests.flows.conftest import PrefectSide
from tests.flows.house import House
from tests.flows.running import (
    artifacts,
    ask_for_retry,
    client,
    deployment_run,
    ended,
    message,
    run_here,
    run_here_again,
)
from tests.flows.test_recovery import packs_away
from tests.holding import turn_held
from tests.waiting import until

Process = subprocess.Popen[bytes]


@pytest.fixture
def holder(house: House) -> Iterator[Process]:
    house.fill(1)
    configuration = house.configuration
    with turn_held(configuration.open_state(configuration.connect()).ledger_lock) as process:
        yield process


def end(process: Process) -> None:
    process.kill()
    process.wait()


def failed(house: House) -> FlowRun:
    """A backup that sealed everything and could send nothing."""
    with packs_away(house):
        return run_here(backup, house.parameters())


@pytest.mark.parametrize("waits", ["commit", "adoption", "resuming"])
def test_bar_says_that_the_run_waits_until_its_turn_has_come(house: House, holder: Process, waits: str) -> None:
    words: list[str] = []

    def update(artifact: Any, percent: float, description: str) -> None:
        words.append(description)
        if WAITS in description:
            end(holder)
        update_progress_artifact(artifact, percent, description=description)

    if waits != "commit":
        failed(house)
    with patch.object(progress, "update_progress_artifact", update), patch.object(progress, "_EVERY_SECONDS", 0.0):
        if waits == "resuming":
            run = run_here(resume_transfers, {"repository": house.name})
        else:
            run = run_here(backup, house.parameters())

    assert run.state_name == "Completed", message(run)
    assert any(f"{WAITS}: 1 seconds" in said for said in words), words
    assert_restored(house)


def test_run_that_gives_up_names_the_process_on_its_card_and_its_retry_commits(
    house: House, holder: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as impatient:
        impatient.setattr(turn, "LIMIT_SECONDS", 0.0)
        run = run_here(backup, house.parameters())
    card = artifacts(run.id)["markdown"]
    end(holder)
    again = run_here_again(backup, run)

    assert run.state_name == "Failed"
    assert f"is held by process {holder.pid} of this host [{LedgerBusyError.code}]" in message(run)
    assert f"**{LedgerBusyError.cause}** (`{LedgerBusyError.code}`" in card
    assert "look at the process that the message names (`ps -o pid,stat,etime,args -p PID`)" in card
    assert again.state_name == "Completed", message(again)
    assert visible(house) == [run.id.bytes]
    assert_restored(house)


@pytest.mark.usefixtures("worker")
def test_cancel_ends_the_wait_and_retry_commits(house: House, holder: Process, prefect: PrefectSide) -> None:
    run = deployment_run(house.parameters())
    until(lambda: len(prefect.told(run, "run-waits")) == 1, "the run waits for its turn")

    with client() as api:
        api.set_flow_run_state(run.id, Cancelling())
    cancelled = ended(run.id)
    end(holder)
    ask_for_retry(run)
    retried = ended(run.id, attempt=2)

    (event,) = prefect.told(run, "run-waits")
    commits = [told["state"] for told in prefect.told(run, "task-run-state") if told["task"] == "commit"]
    assert (event["waits_for"], event["process"]) == ("another commit of this host", holder.pid)
    assert cancelled.state_name == "Cancelled", message(cancelled)
    assert commits == ["Running", "Failed", "Running", "Completed"], "it heard the cancel, and was not killed"
    assert retried.state_name == "Completed", message(retried)
    assert_restored(house)


@pytest.fixture
def sent_elsewhere(house: House) -> Iterator[tuple[UnfinishedRun, ExitStack]]:
    """A failed run of the entry that another process seems to send, until the stack is closed."""
    house.fill(1)
    failed(house)
    configuration = house.configuration
    (left,) = unfinished_runs(configuration.open_state(configuration.connect()))
    with ExitStack() as held:
        held.enter_context(locked(left.folder / "lock"))
        say_sending(left.folder, left.entry)
        yield left, held


def test_bar_says_that_a_new_run_waits_for_who_sends_and_its_card_what_it_took_up(
    house: House, sent_elsewhere: tuple[UnfinishedRun, ExitStack]
) -> None:
    left, held = sent_elsewhere
    words: list[str] = []

    def update(artifact: Any, percent: float, description: str) -> None:
        words.append(description)
        if SENT_ELSEWHERE in description:
            held.close()
        update_progress_artifact(artifact, percent, description=description)

    with patch.object(progress, "update_progress_artifact", update), patch.object(progress, "_EVERY_SECONDS", 0.0):
        run = run_here(backup, house.parameters())

    assert run.state_name == "Completed", message(run)
    assert any(f"{SENT_ELSEWHERE}: 1 seconds" in said for said in words), words
    assert f"of `{left.run}`" in artifacts(run.id)["markdown"]
    assert_restored(house)


def test_card_names_the_run_whose_sender_stands_still(
    house: House, sent_elsewhere: tuple[UnfinishedRun, ExitStack], monkeypatch: pytest.MonkeyPatch
) -> None:
    left, _ = sent_elsewhere
    monkeypatch.setattr(sender, "LIMIT_SECONDS", 0.0)

    run = run_here(backup, house.parameters())

    assert run.state_name == "Completed", message(run)
    assert f"nothing: another process works on run {left.run}" in artifacts(run.id)["markdown"]
    assert_restored(house)
