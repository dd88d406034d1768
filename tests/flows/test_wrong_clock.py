"""A host whose clock is two days off: its run is refused with a card, or its snapshot counts for nothing later."""

import re
import time
from functools import partial

import pytest
from prefect.client.schemas.objects import FlowRun

from flows.backup import backup
from flows.status import status
from flows.verify import verify
from proofkeep.backup import Backup
from proofkeep.errors import ClockError, DamagedError, LedgerAheadError
from proofkeep.history import History
from proofkeep.snapshots import list_snapshots
from tests.flows.aftermath import assert_restored
from tests.flows.gatekeeper import Gatekeeper
from tests.flows.house import ENTRY, House
from tests.flows.running import artifacts, message, run_here, run_here_again, verdict

TWO_DAYS = 2 * 86_400


def set_clock(patch: pytest.MonkeyPatch, seconds_off: int) -> None:
    """Let this process's backups and what it remembers of attempts have the time of a host that is so far ahead."""

    def clock() -> int:
        return time.time_ns() + seconds_off * 10**9

    patch.setattr("flows.backup.Backup", partial(Backup, clock=clock))
    patch.setattr("proofkeep.history.History", partial(History, clock=clock))


def snapshots(house: House) -> int:
    return len(list_snapshots(house.configuration.connect())[0])


def assert_refused(run: FlowRun, says: str, error: type[ClockError] = ClockError) -> None:
    """Failed, with the code in the message, and a card with the cause, what to do, and that nothing is lost."""
    card = artifacts(run.id)["markdown"]
    assert (run.state_name, run.state.type.value if run.state else "") == ("Failed", "FAILED")
    assert f"[{error.code}]" in message(run)
    assert says in message(run)
    assert f"**{error.cause}** (`{error.code}`" in card
    assert f"**What to do:** {error.hint}" in card
    assert "nothing waits in the spool" in card


def status_of(house: House) -> FlowRun:
    return run_here(status, {"repository": house.name, "entries": [{"entry": ENTRY, "source": house.name}]})


@pytest.mark.parametrize(
    "seconds_off",
    [pytest.param(TWO_DAYS, id="behind"), pytest.param(-TWO_DAYS, id="ahead", marks=pytest.mark.soak)],
)
def test_store_that_states_the_time_has_the_run_refused_and_its_retry_commits(
    s3_house: House, gate: Gatekeeper, seconds_off: int
) -> None:
    s3_house.fill(1)
    gate.seconds_off = seconds_off
    run = run_here(backup, s3_house.parameters())
    assert_refused(run, f"differs by {-seconds_off / 3600:+.1f} hours from that of the store")
    assert gate.uploads == {}
    gate.seconds_off = 0

    again = run_here_again(backup, run)

    assert again.state_name == "Completed", message(again)
    assert snapshots(s3_house) == 1


def test_clock_that_is_behind_is_told_by_the_ledger_where_no_store_states_the_time(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.fill(1)
    assert run_here(backup, house.parameters()).state_name == "Completed"
    with monkeypatch.context() as patch:
        set_clock(patch, -TWO_DAYS)
        run = run_here(backup, house.parameters())
    assert_refused(run, "newest ledger entry is 48.0 hours ahead of this host's clock", LedgerAheadError)
    assert snapshots(house) == 1

    assert run_here_again(backup, run).state_name == "Completed"


def test_card_of_a_host_that_was_ahead_leads_to_a_commit_after_which_the_refused_run_is_retried(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.fill(1)
    with monkeypatch.context() as patch:
        set_clock(patch, TWO_DAYS)
        assert run_here(backup, house.parameters()).state_name == "Completed"
    (house.source / "later").write_bytes(b"later")
    refused = run_here(backup, house.parameters())
    assert_refused(refused, "hours ahead of this host's clock", LedgerAheadError)
    card = artifacts(refused.id)["markdown"]
    (head,) = set(re.findall("[0-9a-f]{32}:[0-9]+:[0-9a-f]{64}", message(refused)))

    too_early = run_here_again(backup, refused)
    named = run_here(backup, house.parameters(known_ahead=[head]))
    retried = run_here_again(backup, refused)

    assert f"```text\n{head}\n```\n\n**What to do:**" in card, "to be copied whole"
    assert "start a new backup with the entry that the message ends in as `known_ahead` among its options" in card
    assert f"[{LedgerAheadError.code}]" in message(too_early)
    assert (named.state_name, retried.state_name) == ("Completed", "Completed"), message(named) + message(retried)
    assert f"| {LedgerAheadError.code} | newest entry is 48.0 hours ahead" in artifacts(named.id)["markdown"]
    assert snapshots(house) == 3
    assert_restored(house)
    assert status_of(house).state_name == "Completed"


@pytest.mark.soak
def test_snapshot_from_the_future_is_no_success_once_the_clock_is_right_again(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.fill(1)
    with monkeypatch.context() as patch:
        set_clock(patch, TWO_DAYS)
        assert run_here(backup, house.parameters()).state_name == "Completed"

    seen = status_of(house)
    run = run_here(backup, house.parameters())

    assert (seen.state_name, verdict(seen)) == ("Attention", f"{ENTRY}: overdue")
    assert_refused(run, "newest ledger entry is 48.0 hours ahead of this host's clock", LedgerAheadError)
    assert "hours ahead of this host's clock**" in artifacts(run.id)["markdown"]
    assert snapshots(house) == 1
    assert verdict(status_of(house)) == f"{ENTRY}: overdue, {LedgerAheadError.code}"


def test_verify_that_passed_under_a_clock_ahead_hides_no_damage_found_later(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.fill(1)
    assert run_here(backup, house.parameters()).state_name == "Completed"
    with monkeypatch.context() as patch:
        set_clock(patch, TWO_DAYS)
        assert run_here(verify, {"repository": house.name}).state_name == "Completed"
    next(path for path in (house.root / "store/packs").rglob("*") if path.is_file()).unlink()

    run = run_here(verify, {"repository": house.name})
    seen = status_of(house)

    assert f"[{DamagedError.code}]" in message(run)
    assert (seen.state_name, verdict(seen)) == ("Attention", f"{ENTRY}: {DamagedError.code}")


def test_status_is_not_green_where_the_store_says_that_the_hosts_clock_is_behind(
    s3_house: House, gate: Gatekeeper
) -> None:
    s3_house.fill(1)
    assert run_here(backup, s3_house.parameters()).state_name == "Completed"
    gate.seconds_off = TWO_DAYS
    seen, proven = status_of(s3_house), run_here(verify, {"repository": s3_house.name})
    gate.seconds_off = 0

    said = "clock of this host differs by -48.0 hours from that of the store"
    assert (seen.state_name, verdict(seen)) == ("Attention", "clock of this host: clock-skewed")
    assert f"**clock-skewed**: {said}, and ages are told by it. {ClockError.hint}" in artifacts(seen.id)["markdown"]
    assert proven.state_name == "Completed", message(proven)
    assert f"**Beside it:** {said} [clock-skewed]." in artifacts(proven.id)["markdown"]
    assert status_of(s3_house).state_name == "Completed"


def test_card_says_where_a_snapshot_read_under_a_clock_less_than_an_hour_ahead_stays_the_latest(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.fill(1)
    with monkeypatch.context() as patch:
        set_clock(patch, 50 * 60)
        ahead = run_here(backup, house.parameters())

    run = run_here(backup, house.parameters())

    says = r"\*\*Beside it:\*\* another snapshot of this host has an instant \S+ later, and stays `latest`"
    assert run.state_name == "Completed", message(run)
    assert re.search(says, artifacts(run.id)["markdown"])
    assert "Beside it" not in artifacts(ahead.id)["markdown"]
