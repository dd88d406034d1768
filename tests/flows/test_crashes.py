"""Crashed runs that nobody gave a card, and dead ones that the host's history did not know."""

import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from prefect.client.schemas.objects import FlowRun, State, StateType
from prefect.flows import Flow
from prefect.states import Completed, Crashed, Pending, Running, Scheduled

from flows.backup import backup
from flows.host import ProcessMark
from flows.outside import AGAIN
from flows.reconcile import reconcile
from flows.status import status
from proofkeep.attempts import BACKUP
from proofkeep.errors import ProcessGoneError
from proofkeep.history import History
from tests.architecture.tree import ROOT
from tests.flows.conftest import QUEUE
from tests.flows.house import ENTRY, House
from tests.flows.running import artifacts, client, message, run_here, run_here_again
from tests.flows.test_reconcile import NO_TIME, ended_process, now, run_of

HOUR_NS = 3600 * 10**9
GAVE_UP = "Process exited with status code: 1."
HIDDEN = """
import sys
from pathlib import Path
from flows.host import ProcessMark
pid, boot, started = sys.argv[1:]
print(Path(f"/proc/{pid}/stat").exists(), ProcessMark("here", int(pid), boot, int(started)).is_dead())
"""


def crash(run_id: UUID) -> UUID:
    with client() as api:
        api.set_flow_run_state(run_id, Crashed(message=GAVE_UP), force=True)
    return run_id


def told() -> set[UUID]:
    return {run.id for run in reconcile(settled=NO_TIME).told}


def seen(house: House) -> tuple[FlowRun, str]:
    """A run of the status, and its card."""
    run = run_here(status, {"repository": house.name, "entries": [{"entry": ENTRY, "source": house.name}]})
    return run, artifacts(run.id)["markdown"]


def died(house: House, flow: Flow[..., Any] = backup, parameters: dict[str, Any] | None = None) -> FlowRun:
    """A run, of the house's backup if of no other flow, that looks under way and whose process is gone."""
    with client() as api:
        given = flow.serialize_parameters(parameters or house.parameters())
        run = api.create_flow_run(flow, parameters=given, state=Running())
        api.update_flow_run_labels(run.id, ended_process().labels())
        return api.read_flow_run(run.id)


@pytest.mark.usefixtures("prefect")
def test_crashed_run_without_a_card_gets_one_that_its_message_leads_to() -> None:
    run_id = crash(run_of(process := ended_process()))

    assert run_id in told()

    run = now(run_id)
    assert run.state_name == "Crashed"
    assert message(run).startswith(f"{AGAIN}process {process.pid} of host {process.host} is gone [process-gone]. ")
    assert message(run).endswith(f" It said before: {GAVE_UP}")
    assert "**killed process** (`process-gone`" in artifacts(run_id)["markdown"]
    assert run_id not in told()


@pytest.mark.usefixtures("prefect")
def test_run_that_crashes_again_gets_a_second_card() -> None:
    run_id = crash(run_of(ended_process()))
    assert run_id in told()
    with client() as api:
        api.set_flow_run_state(run_id, Scheduled(), force=True)
        api.set_flow_run_state(run_id, Running(), force=True)
    crash(run_id)

    assert run_id in told()
    assert run_id not in told()


def test_run_that_its_flow_gave_a_card_keeps_it(house: House) -> None:
    failed = run_here(backup, house.parameters() | {"source": "nowhere"})
    with client() as api:
        api.update_flow_run_labels(failed.id, ended_process().labels())
    crash(failed.id)

    assert failed.id not in told()
    assert "`usage`" in artifacts(failed.id)["markdown"]


@pytest.mark.usefixtures("prefect")
def test_fresh_foreign_and_living_crashes_are_left_alone() -> None:
    elsewhere = replace(ended_process(), host="elsewhere.example")
    fresh = crash(run_of(ended_process()))
    others = [crash(run_of(mark)) for mark in (elsewhere, ProcessMark.mine(), None)]

    early = {run.id for run in reconcile(settled=timedelta(minutes=5)).told}

    assert fresh not in early
    assert told().isdisjoint(others)


@pytest.mark.usefixtures("prefect")
def test_retry_that_has_not_yet_said_who_works_on_it_is_not_taken_for_the_dead_attempt() -> None:
    run_id = run_of(ended_process())
    with client() as api:
        api.update_flow_run_labels(run_id, {"proofkeep.attempt": now(run_id).run_count})
        assert [run.id for run in reconcile().crashed] == [run_id]
        api.set_flow_run_state(run_id, Scheduled(), force=True)
        api.set_flow_run_state(run_id, Running(), force=True)

    assert reconcile().crashed == []
    assert now(run_id).state_name == "Running"


@pytest.mark.parametrize(
    "deployment,state", [("backup/backup", Pending), ("backup/backup", Running), ("status/status", Pending)]
)
@pytest.mark.usefixtures("deployed")
def test_run_that_was_taken_from_this_hosts_queues_and_never_begun_is_crashed_in_time(
    deployment: str, state: Callable[[], State[Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROOFKEEP_HOST", QUEUE)
    parameters = {"repository": "nowhere"}
    with client() as api:
        found = api.read_deployment_by_name(deployment)
        run = api.create_flow_run_from_deployment(found.id, parameters=parameters, state=Pending())
        api.update_flow_run_labels(run.id, ended_process().labels() | {"proofkeep.attempt": 7})
        api.set_flow_run_state(run.id, state(), force=True)

    early = {each.id for each in reconcile().crashed}
    late = {each.id: each.process for each in reconcile(stuck=NO_TIME).crashed}

    assert run.id not in early
    assert late[run.id] is None
    assert message(now(run.id)).startswith(f"no process has begun to work on run {run.id} [process-gone]. ")
    assert "process-gone" in artifacts(run.id)["markdown"]


def test_run_that_told_its_end_while_we_asked_keeps_it(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    run = died(house)
    asked = ProcessMark.is_dead

    def ends(self: ProcessMark) -> bool:
        with client() as api:
            if now(run.id).state_name == "Running":
                api.set_flow_run_state(run.id, Completed(), force=True)
        return asked(self)

    monkeypatch.setattr(ProcessMark, "is_dead", ends)

    assert reconcile().crashed == []
    assert now(run.id).state_type is StateType.COMPLETED


def test_run_that_died_waiting_for_its_slot_stays_open_until_it_ends_well(house: House) -> None:
    house.fill(1)
    run = died(house)

    assert [each.id for each in reconcile().crashed] == [run.id]
    bad, card = seen(house)
    again = run_here_again(backup, run)
    good, _ = seen(house)

    assert bad.state_name == "Attention"
    assert f"{ENTRY}, backup `{run.id.hex}`" in card
    assert "**process-gone**" in card
    assert again.state_name == "Completed", message(again)
    assert good.state_name == "Completed", message(good)


def leave_unended(house: House, run: FlowRun) -> None:
    """The run's attempt as SIGKILL leaves it in the history: begun, not ended, its lock free."""
    place = house.configuration.place
    with house.configuration.history() as history, suppress(KeyError), pytest.MonkeyPatch.context() as patch:
        patch.setattr(history, "_end", lambda *_, **__: None)
        with history.recording(BACKUP, place, [ENTRY], run.id.hex):
            raise KeyError


def test_attempt_that_the_history_saw_die_is_open_once(house: House) -> None:
    run = died(house)
    leave_unended(house, run)
    before = attempts(house)

    reconcile()

    assert [(run.id.hex, ProcessGoneError.code)] == before == attempts(house)
    assert f"`{ProcessGoneError.code}`" in artifacts(run.id)["markdown"]
    assert f"**{ProcessGoneError.code}**" in seen(house)[1]


def test_death_that_was_made_good_before_it_was_told_is_not_open(house: House) -> None:
    house.fill(1)
    run = died(house)
    crash(run.id)
    good = run_here(backup, house.parameters())

    assert run.id in told()
    assert attempts(house) == [(good.id.hex, "")]


def test_success_under_a_clock_that_was_ahead_makes_no_later_death_good(house: House) -> None:
    configuration = house.configuration
    with (
        History(configuration.state, lambda: time.time_ns() + 48 * HOUR_NS) as history,
        history.recording(BACKUP, configuration.place, [ENTRY], "00" * 16),
    ):
        pass
    run = died(house)

    reconcile()

    assert (run.id.hex, "process-gone") in attempts(house)


def attempts(house: House) -> list[tuple[str, str | None]]:
    configuration = house.configuration
    with configuration.history() as history:
        return [(attempt.run, attempt.code) for attempt in history.attempts(configuration.place)]


@pytest.mark.requires("unshare", "setpriv", "mount", root=True)
def test_process_that_proc_hides_is_not_taken_for_dead() -> None:
    mark = ProcessMark.mine()
    drop = "setpriv --regid=65534 --clear-groups --bounding-set=-all --inh-caps=-all"
    hide = f'mount -t proc -o hidepid=2 proc /proc && exec {drop} "$@"'
    asked = [sys.executable, "-c", HIDDEN, str(mark.pid), mark.boot, str(mark.started)]

    answer = subprocess.run(
        ["unshare", "--mount", "sh", "-c", hide, "sh", *asked], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert answer.stdout == "False False\n", answer.stderr
