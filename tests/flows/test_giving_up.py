"""A dead run says that the Prefect server was away if it had given up on it, though it could not tell that any more."""

import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from prefect.flows import Flow
from prefect.settings import PREFECT_LOCAL_STORAGE_PATH, temporary_settings
from prefect.states import Running

from flows.cards import Card, failure_told
from flows.fleet import fleet
from flows.giving_up import gave_up, note_giving_up
from flows.reconcile import reconcile
from flows.restore import restore
from flows.resume_transfers import resume_transfers
from flows.status import status
from proofkeep.attempts import BACKUP
from proofkeep.errors import ServerUnavailableError
from tests.flows.house import ENTRY, House
from tests.flows.running import artifacts, client, message
from tests.flows.test_crashes import HOUR_NS, attempts, crash, died
from tests.flows.test_reconcile import NO_TIME, now

AWAY = ServerUnavailableError("prefect server on host x does not answer")
MONTHS = 100 * 86_400


def leave_unanswered(house: House, run_id: UUID) -> None:
    """The run's attempt as it ends where the server is away."""
    place = house.configuration.place
    with (
        suppress(ServerUnavailableError),
        house.configuration.history() as history,
        history.recording(BACKUP, place, [ENTRY], run_id.hex),
    ):
        raise AWAY
    note_giving_up(now(run_id), AWAY)


@pytest.mark.parametrize("crashed", [lambda _: None, crash], ids=["nobody said so", "its worker said so"])
def test_dead_backup_that_had_given_up_says_that_the_server_was_away(
    crashed: Callable[[UUID], object], house: House
) -> None:
    run = died(house)
    leave_unanswered(house, run.id)
    crashed(run.id)

    reconcile(settled=NO_TIME)

    assert now(run.id).state_name == "Crashed"
    assert_says_that_it_was_away(run.id)
    assert attempts(house) == [(run.id.hex, AWAY.code)]


def assert_says_that_it_was_away(run_id: UUID) -> None:
    assert f"{AWAY} [server-unavailable]. " in message(now(run_id))
    assert "**unreachable prefect server** (`server-unavailable`" in artifacts(run_id)["markdown"]


@pytest.mark.parametrize("flow", [fleet, restore, resume_transfers, status], ids=lambda flow: flow.name)
def test_dead_run_of_any_other_flow_that_had_given_up_says_so_too(
    flow: Flow[..., Any], house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dies(*_: object) -> None:
        raise SystemExit

    run = died(house, flow, {"repository": house.name})
    with monkeypatch.context() as patch:
        patch.setattr("flows.cards.this_run", lambda: run)
        patch.setattr(Card, "fail", dies)
        with pytest.raises(SystemExit), failure_told(flow.name, "x"):
            raise AWAY

    reconcile()

    assert_says_that_it_was_away(run.id)


def test_retry_that_died_is_not_taken_for_the_attempt_before_that_gave_up(house: House) -> None:
    run = died(house)
    leave_unanswered(house, run.id)
    with client() as api:
        api.set_flow_run_state(run.id, Running(), force=True)

    reconcile()

    assert " is gone [process-gone]. " in message(now(run.id))


def test_note_says_when_the_run_gave_up_which_may_be_long_before_it_ended(house: House) -> None:
    run = died(house)
    error = ServerUnavailableError(str(AWAY))
    error.gave_up_ns = time.time_ns() - HOUR_NS
    note_giving_up(run, error)

    told = gave_up(run)

    assert told is not None
    assert told.gave_up_ns == error.gave_up_ns


def test_note_is_kept_for_a_month(house: House, tmp_path: Path) -> None:
    old, new = died(house), died(house)
    with temporary_settings({PREFECT_LOCAL_STORAGE_PATH: tmp_path}):
        note_giving_up(old, AWAY)
        (note,) = tmp_path.glob(f"*/{old.id.hex}*")
        os.utime(note, (time.time() - MONTHS,) * 2)
        note_giving_up(new, AWAY)

        told = gave_up(old), gave_up(new)

    assert told[0] is None
    assert str(told[1]) == str(AWAY)


def test_note_that_cannot_be_written_or_was_cut_says_nothing(house: House, tmp_path: Path) -> None:
    run = died(house)
    (tmp_path / "in the way").touch()
    with temporary_settings({PREFECT_LOCAL_STORAGE_PATH: tmp_path / "in the way"}):
        note_giving_up(run, AWAY)
        unwritten = gave_up(run)
    with temporary_settings({PREFECT_LOCAL_STORAGE_PATH: tmp_path}):
        note_giving_up(run, AWAY)
        (note,) = tmp_path.glob(f"*/{run.id.hex}*")
        note.write_bytes(b"")
        cut = gave_up(run)

    assert (unwritten, cut) == (None, None)
