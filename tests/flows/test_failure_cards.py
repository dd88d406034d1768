"""The card of a failed run: what failed, since when, why, what is safe, the next step, the recovery point."""

import re
from uuid import uuid4

import pytest
from prefect.client.schemas.objects import FlowRun
from prefect.states import Cancelled

from flows import failing
from flows.backup import backup
from flows.history import spelled
from flows.next_step import next_step
from flows.outside import AGAIN, verb_and_subject
from flows.verify import verify
from proofkeep.configuration.identity import host_name
from proofkeep.errors import (
    DamagedError,
    PackMissingError,
    RunAbandonedError,
    StoreDeniedError,
    TruncatedError,
    UsageError,
)
from tests.flows.house import MIB, House
from tests.flows.running import artifacts, client, message, run_here, run_here_again


def card(run: FlowRun) -> str:
    return artifacts(run.id)["markdown"]


def row(text: str, name: str) -> str:
    """What the card's table says under a name."""
    found = re.search(rf"^\| {name} \| (.*) \|$", text, re.MULTILINE)
    assert found is not None, text
    return found[1]


@pytest.fixture
def stuck(house: House) -> FlowRun:
    """A run that sealed three transfers, of which the store takes none, behind one that committed."""
    house.fill(1)
    assert run_here(backup, house.parameters()).state_name == "Completed"
    (house.root / "store" / "packs").rename(house.root / "aside")
    (house.root / "store" / "packs").write_text("in the way")
    house.fill(9)
    return run_here(backup, house.parameters())


def test_failed_backup_tells_transfers_what_is_safe_and_the_recovery_point(house: House, stuck: FlowRun) -> None:
    text = card(stuck)

    assert row(text, "where") == f"entry `home`, source block `{house.name}`, repository block `{house.name}`"
    assert re.match(r"3 of 3 are not proven in the store: number 0, 1, 2", row(text, "transfers"))
    assert re.search(
        rf"nothing is lost: \d+ packs \([\d.]+ MiB\) wait in the spool on host {host_name()}; none is known to have",
        row(text, "safe"),
    )
    assert re.search(r"grows older .* last committed here: `[0-9a-f]{32}\.0001` of .* 0\.0 hours old", text)
    assert f"`prefect flow-run retry {stuck.id}`" in text
    assert "the run before it did not fail" in row(text, "since")
    assert "attempt 1 of run" in row(text, "what failed")
    assert re.search(r" Card: http://127\.0\.0\.1:\d+/v2/artifacts/artifact/[0-9a-f-]{36}$", message(stuck))


def test_since_is_the_first_failure_and_the_recovery_point_is_known_without_a_store(
    house: House, stuck: FlowRun
) -> None:
    with client() as api:
        first = min(state.timestamp for state in api.read_flow_run_states(stuck.id) if state.is_failed())

    again = card(run_here_again(backup, stuck))

    assert "attempt 2 of run" in row(again, "what failed")
    assert row(again, "since").startswith(spelled(first))
    for folder in ("store", "ledger"):
        (house.root / folder).rename(house.root / f"{folder}-away")

    text = card(run_here(backup, house.parameters()))

    assert "the run before it failed too, the first " in row(text, "since")
    assert row(text, "safe") == "this run sealed nothing here; the source and every earlier snapshot are untouched"
    assert re.search(r"last committed here: `[0-9a-f]{32}\.0001`", row(text, "recovery point"))


def test_parameters_that_do_not_fit_end_in_a_card(house: House) -> None:
    parameters = house.parameters() | {"options": {"level": 99}}
    with client() as api:
        run = api.create_flow_run(backup, parameters=parameters)

    with pytest.raises(Exception, match="level"):
        run_here_unchecked(run)

    text = card(run)
    assert "`usage`: parameters do not fit the flow" in text
    assert "**wrong command, block or configuration**" in text
    assert "**Then:** start a new run with parameters that fit" in text
    assert "press **Retry**" not in text
    with client() as api:
        ended = api.read_flow_run(run.id)
    assert ended.state_name == "Failed"
    words = rf"{AGAIN}parameters do not fit the flow; .* \[usage\]\. .* Card: http\S+ It said before: .*level"
    assert re.match(words, message(ended), re.DOTALL)


def run_here_unchecked(run: FlowRun) -> None:
    """As a worker's process runs it, whose parameters only the flow's own engine checks."""
    from prefect.flow_engine import run_flow  # noqa: PLC0415 - private to this test

    run_flow(backup, flow_run=run, parameters=run.parameters)


def test_foreign_error_is_told_as_unknown(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.fill(1)

    def fault(*_: object) -> None:
        raise RuntimeError("planted, with a name in it")

    monkeypatch.setattr("flows.backup.began_ns", fault)
    run = run_here(backup, house.parameters())

    text = card(run)
    assert "**unknown, no cause could be told** (`unexpected`, page `docs/on-call/codes/unexpected.md`)" in text
    assert "planted" not in text + message(run)


def test_damage_is_told_with_its_cause_and_its_findings_on_one_card(house: House) -> None:
    house.fill(1)
    assert run_here(backup, house.parameters()).state_name == "Completed"
    (pack,) = (path for path in (house.root / "store/packs").rglob("*") if path.stat().st_size > MIB)
    pack.unlink()

    run = run_here(verify, {"repository": house.name, "read": 1.0})

    text = card(run)
    assert "**findings of a verify or restore** (`damaged`" in text
    assert "## Findings" in text
    assert row(text, "safe").startswith("a verify only reads")
    assert row(text, "recovery point").startswith("snapshots named under the findings may not restore whole; last")


def test_page_is_a_link_where_its_place_is_configured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(failing.PAGES, "https://wiki.example/on-call/")

    assert failing.page(StoreDeniedError("x")) == "[store-denied](https://wiki.example/on-call/store-denied.md)"


def test_retry_is_not_advised_for_bytes_that_it_cannot_mend() -> None:
    run = FlowRun(flow_id=uuid4())

    assert "press **Retry**" in next_step(run, PackMissingError("x"))
    for error in (TruncatedError("x"), DamagedError("x")):
        assert "Retry does not mend" in next_step(run, error)
    assert "a new run of the entry" in next_step(run, RunAbandonedError("x"))


def test_retry_is_not_all_that_is_advised_where_it_would_repeat_wrong_parameters() -> None:
    step = next_step(FlowRun(flow_id=uuid4()), UsageError("x"))

    assert step.startswith("correct it, then press **Retry**")
    assert "If it is a parameter of this run, start a new run" in step


def test_cancelled_run_says_how_to_go_on(house: House) -> None:
    with client() as api:
        run = api.create_flow_run(backup, parameters=house.parameters(), state=Cancelled())

    for hook in backup.on_cancellation_hooks:
        hook(backup, run, Cancelled())

    text = card(run)
    assert "**cancelled run** (`cancelled`" in text
    assert "press **Retry**" in text
    with client() as api:
        ended = api.read_flow_run(run.id)
    assert ended.state_name == "Cancelled"
    assert re.match(rf"{AGAIN}run {run.id} was cancelled \[cancelled\]\. .* Card: http\S+$", message(ended))


@pytest.mark.usefixtures("prefect")
def test_further_failures_are_counted_by_their_codes() -> None:
    run = FlowRun(flow_id=uuid4(), name="home", parameters={})
    also = [StoreDeniedError(f"pack {number}") for number in range(3)]

    text = failing.told_of("backup", "home", run, also[0], also)

    assert row(text, "also") == "`store-denied`, 2 more, the first: pack 1"


@pytest.mark.parametrize(
    "flow,parameters,told",
    [
        ("backup", {"entry": "home", "repository": "main"}, ("backup", "home")),
        ("restore_drill", {"repository": "main"}, ("drill", "main")),
        ("restore_drill", {"repository": "main", "entries": ["a", "b"]}, ("drill", "a, b in main")),
        ("restore_drill", {"repository": "main", "entries": list("abcdef")}, ("drill", "a, b, c, 3 more in main")),
        ("restore_drill", {"repository": "main", "entries": "a"}, ("drill", "main")),
        ("restore", {"repository": "main"}, ("restore", "latest")),
        ("apply_inventory", {"inventory": {"name": "all"}}, ("apply", "all")),
        ("fleet", {"inventory": "all"}, ("fleet", "all")),
        ("backup", {}, ("backup", "unnamed run")),
    ],
)
def test_run_whose_body_told_nothing_is_called_as_its_own_cards_call_it(
    flow: str, parameters: dict[str, object], told: tuple[str, str]
) -> None:
    run = FlowRun(flow_id=uuid4(), name="unnamed run", parameters=parameters)

    assert verb_and_subject(flow, run) == told
