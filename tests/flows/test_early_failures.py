"""Backups that fail before they reach their repository are open in the status, and one broken entry hides no other."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest
from prefect.client.schemas.objects import FlowRun
from prefect.settings import PREFECT_API_URL
from prefect.states import Pending

from flows.backup import backup
from flows.host import JOURNAL
from flows.remembering import remembering
from flows.status import status
from tests.flows.house import ENTRY, House
from tests.flows.running import artifact_id, artifacts, client, limit_to_one, message, run_here, run_here_again, verdict
from tests.flows.test_failure_cards import card, row, run_here_unchecked


@pytest.fixture
def backed_up(house: House) -> House:
    house.fill(1)
    run = run_here(backup, house.parameters())
    assert run.state_name == "Completed", message(run)
    return house


def seen(house: House) -> FlowRun:
    return run_here(status, {"repository": house.name})


def test_entry_whose_block_is_gone_is_listed_as_broken_and_hides_no_other(house: House) -> None:
    watched = [{"entry": "gone", "source": "nowhere"}, {"entry": ENTRY, "source": house.name}]

    run = run_here(status, {"repository": house.name, "entries": watched})

    table = artifacts(run.id)["markdown"]
    assert (run.state_name, verdict(run)) == ("Attention", f"{ENTRY}: overdue; gone: usage")
    assert re.search(rf" Card: http\S+/v2/artifacts/artifact/{artifact_id(run.id)}$", message(run))
    assert f"| {ENTRY} | never |" in table
    assert "| gone | | | | **usage** |" in table
    assert "block proofkeep-source/nowhere does not exist" in table


def test_backup_whose_block_is_gone_is_open_until_a_run_succeeds(backed_up: House) -> None:
    failed = run_here(backup, backed_up.parameters() | {"source": "nowhere"})
    bad = seen(backed_up)
    run_here(backup, backed_up.parameters())
    good = seen(backed_up)

    assert failed.state_name == "Failed"
    assert (bad.state_name, verdict(bad)) == ("Attention", f"{ENTRY}: usage")
    assert "block proofkeep-source/nowhere does not exist" in artifacts(bad.id)["markdown"]
    assert good.state_name == "Completed", message(good)


def never_answered(url: str) -> httpx.TransportError:
    """As Prefect's client raises it when it has asked the server for long enough."""
    return httpx.ReadTimeout("planted", request=httpx.Request("GET", url))


@pytest.mark.parametrize(
    "step,address,code",
    [
        ("claim", "{server}/flow_runs", "server-unavailable"),
        ("slot_at", "http://elsewhere.invalid", "unexpected"),
        ("claim_journal", "{server}/flow_runs", "server-unavailable"),
    ],
)
def test_backup_that_gets_no_answer_before_its_first_step_is_open_until_a_run_succeeds(
    step: str, address: str, code: str, backed_up: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fault(*_: object) -> None:
        raise never_answered(address.format(server=PREFECT_API_URL.value()))

    with monkeypatch.context() as patch:
        patch.setattr(f"flows.backup.{step}", fault)
        failed = run_here(backup, backed_up.parameters())
    bad = seen(backed_up)
    run_here(backup, backed_up.parameters())
    good = seen(backed_up)

    assert failed.state_name == "Failed"
    assert f"[{code}]" in message(failed)
    assert (bad.state_name, verdict(bad)) == ("Attention", f"{ENTRY}: {code}")
    assert failed.id.hex in artifacts(bad.id)["markdown"]
    assert good.state_name == "Completed", message(good)


def test_backup_that_is_told_to_end_while_it_waits_for_a_slot_is_no_failure(backed_up: House) -> None:
    with client() as api:
        given = backup.serialize_parameters(backed_up.parameters())
        run = api.create_flow_run(backup, parameters=given, state=Pending())
    with pytest.raises(KeyboardInterrupt), remembering("backup", run):
        raise KeyboardInterrupt

    assert seen(backed_up).state_name == "Completed"


def test_backup_whose_parameters_do_not_fit_is_open(backed_up: House) -> None:
    with client() as api:
        run = api.create_flow_run(backup, parameters=backed_up.parameters() | {"options": {"level": 99}})
    with pytest.raises(Exception, match="level"):
        run_here_unchecked(run)

    assert verdict(seen(backed_up)) == f"{ENTRY}: usage"


def test_retry_that_is_refused_on_the_wrong_host_opens_nothing_there(backed_up: House) -> None:
    with client() as api:
        run = api.create_flow_run(backup, parameters=backed_up.parameters(), state=Pending())
        api.update_flow_run_labels(run.id, {JOURNAL: "elsewhere.example"})

    run = run_here_again(backup, run)

    assert run.state_name == "Failed"
    assert seen(backed_up).state_name == "Completed"


def test_backup_that_loses_the_server_behind_its_commit_names_its_snapshot_as_the_recovery_point(
    backed_up: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fault(*_: object) -> None:
        raise never_answered(f"{PREFECT_API_URL.value()}/artifacts")

    monkeypatch.setattr("flows.backup.say_commit", fault)
    run = run_here(backup, backed_up.parameters())

    assert "[server-unavailable]" in message(run)
    words = "this run had committed a snapshot before it failed; last committed here"
    assert row(card(run), "recovery point").startswith(f"{words}: `{run.id.hex}.0001` of ")


@pytest.mark.parametrize("address,state", [("{server}/leases", "Completed"), ("http://elsewhere", "Failed")])
def test_slot_that_cannot_be_given_back_ends_no_backup_that_has_committed(
    address: str, state: str, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.fill(1)
    limit_to_one(house.name)

    @contextmanager
    def stays(*_: object, **__: object) -> Iterator[None]:
        yield
        raise never_answered(address.format(server=PREFECT_API_URL.value()))

    monkeypatch.setattr("flows.limits.concurrency", stays)
    run = run_here(backup, house.parameters())

    assert run.state_name == state, message(run)


@pytest.mark.parametrize("entry", ["", "   ", "ho\nme", "ho|me", "home\n"])
def test_backup_of_what_is_no_entrys_name_is_refused_and_leaves_nothing_open(backed_up: House, entry: str) -> None:
    with client() as api:
        run = api.create_flow_run(backup, parameters=backed_up.parameters() | {"entry": entry})
    with pytest.raises(Exception, match="entry"):
        run_here_unchecked(run)

    with client() as api:
        assert api.read_flow_run(run.id).state_name == "Failed"
    assert seen(backed_up).state_name == "Completed"
