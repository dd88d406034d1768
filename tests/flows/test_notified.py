"""Each automation is seen firing at a real server, once for one fact; what waits for hours waits ten seconds here."""

import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from prefect.client.schemas.objects import FlowRun, State
from prefect.events import emit_event
from prefect.events.filters import EventFilter, EventNameFilter, EventResourceFilter
from prefect.events.related import tags_as_related_resources
from prefect.events.schemas.events import ReceivedEvent, RelatedResource
from prefect.states import AwaitingRetry, Completed, Crashed, Failed, Pending, Running, Scheduled

from flows.backup import PARTIAL, backup
from flows.heard import ENDED, HEARTBEAT, last_beat
from flows.status import ATTENTION, status
from infra.automations.definitions import FOLDER
from tests.architecture.tree import ROOT
from tests.flows.beating import beating
from tests.flows.conftest import PrefectSide
from tests.flows.house import ENTRY, House
from tests.flows.running import client, message, run_here_tagged
from tests.servers.pki import Pki
from tests.servers.receiver import Receiver
from tests.waiting import until

SHORTEST_SECONDS = 10
"""The least that Prefect takes for the absence of an event."""


@pytest.fixture(scope="module")
def on_call(prefect: PrefectSide, pki: Pki, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Receiver]:
    """Who is notified by the automations of the folder, of which each that waits waits ten seconds."""
    folder = tmp_path_factory.mktemp("automations")
    for file in FOLDER.glob("*.yaml"):
        (folder / file.name).write_text(re.sub(r"within: [1-9]\d+", f"within: {SHORTEST_SECONDS}", file.read_text()))
    with Receiver(pki.server) as receiver:
        made = prefect.command("python", "-m", "infra.automations", "--webhook", receiver.url, str(folder))
        assert made.returncode == 0, made.stderr
        yield receiver
    with client() as api:
        for automation in api.read_automations():
            api.delete_automation(automation.id)


_TO_THE_END: tuple[State[Any], ...] = (Running(), Completed())


def told(on_call: Receiver, run: FlowRun) -> list[str]:
    """Subjects of what was said of a run."""
    return [each.document["subject"] for each in on_call.about(run.id)]


def made(*states: State[Any]) -> FlowRun:
    """A run that went through these states."""
    with client() as api:
        run = api.create_flow_run(backup, parameters={}, name="home", state=states[0], tags=["proofkeep"])
        for state in states[1:]:
            api.set_flow_run_state(run.id, state, force=True)
    return run


def wait_for_what_was_said_before(on_call: Receiver) -> None:
    """What comes before a run that crashes now is told, but for what the server's second consumer is still at."""
    last = made(Running(), Crashed())
    until(lambda: told(on_call, last) == ["proofkeep: backup home crashed"], "a later run is told")


def test_run_that_nobody_took_is_told(on_call: Receiver) -> None:
    due = datetime.now(UTC) - timedelta(hours=1)
    late = made(Scheduled(scheduled_time=due))

    until(lambda: bool(told(on_call, late)), "the late run is told")

    assert told(on_call, late) == ["proofkeep: backup home is late"]
    assert f"due at {due:%Y-%m-%d %H:%M}" in on_call.about(late.id)[0].document["body"]


def test_hung_run_is_told_and_a_hung_retry_too_but_none_that_ended(on_call: Receiver) -> None:
    finals: tuple[State[Any], ...] = (Completed(), Failed(), Failed(name=PARTIAL), Failed(name=ATTENTION))
    ended = [made(Running(), final) for final in finals]
    retried = made(Running(), Failed(), Running())
    hung = made(Running())

    until(lambda: _is_long(on_call, hung) and _is_long(on_call, retried), "both are told")

    wait_for_what_was_said_before(on_call)
    assert [run.id for run in ended if _is_long(on_call, run)] == []
    assert told(on_call, hung) == ["proofkeep: backup home runs long"]


def _is_long(on_call: Receiver, run: FlowRun) -> bool:
    return "proofkeep: backup home runs long" in told(on_call, run)


def test_retry_that_no_worker_takes_is_told_and_one_that_was_taken_is_not(on_call: Receiver) -> None:
    words = "proofkeep: backup home waits for a worker"
    taken = made(Failed(), AwaitingRetry(), Pending())
    waits = made(Failed(), AwaitingRetry())

    until(lambda: words in told(on_call, waits), "the waiting retry is told")

    wait_for_what_was_said_before(on_call)
    assert words not in told(on_call, taken)


def test_overdue_entry_is_told_once(house: House, on_call: Receiver) -> None:
    watched = {"repository": house.name, "entries": [{"entry": ENTRY, "source": house.name}]}

    run = run_here_tagged(status, watched, ["proofkeep", "status"])

    until(lambda: bool(told(on_call, run)), "it is told")
    wait_for_what_was_said_before(on_call)
    assert run.state_name == ATTENTION, message(run)
    assert told(on_call, run) == ["proofkeep: an entry is past its allowed age, or a failure is open"]


def test_status_that_could_not_look_is_a_failed_run_and_says_nothing_of_ages(on_call: Receiver) -> None:
    run = run_here_tagged(status, {"repository": "nowhere"}, ["proofkeep", "status"])

    until(lambda: bool(told(on_call, run)), "it is told")
    wait_for_what_was_said_before(on_call)
    (subject,) = told(on_call, run)
    assert subject.startswith("proofkeep: status nowhere ")
    assert subject.endswith(" ended Failed")


def test_status_that_nobody_asks_for_any_more_is_told_once_by_its_last_run(on_call: Receiver) -> None:
    name = f"main-{uuid4()}"
    paused, removed = (statuses(each) for each in (name, f"{name}-removed"))
    with client() as api:
        api.delete_deployment(UUID(str(removed[-1].deployment_id)))

    until(lambda: all(told(on_call, runs[-1]) for runs in (paused, removed)), "both silences are told")

    wait_for_what_was_said_before(on_call)
    assert told(on_call, paused[-1]) == [f"proofkeep: no status {name} for a day"]
    assert told(on_call, removed[-1]) == ["proofkeep: no status of a deployment that was removed for a day"]
    assert told(on_call, paused[0]) == []


def statuses(deployment: str) -> list[FlowRun]:
    """Two runs of a deployment that is made for them, one after the other."""
    with client() as api:
        flow = api.create_flow_from_name("status")
        made = api.create_deployment(flow, deployment, entrypoint="nowhere.status", tags=["proofkeep", "status"])
        runs = [api.create_flow_run_from_deployment(made) for _ in range(2)]
        for run in runs:
            for state in _TO_THE_END:
                api.set_flow_run_state(run.id, state, force=True)
    return runs


def has_beaten(run: FlowRun) -> bool:
    """Whether the server has heard a run's heart."""
    with client() as api:
        return last_beat(api, run) is not None


def test_run_whose_process_went_silent_is_told_and_one_that_ended_is_not(
    on_call: Receiver, prefect: PrefectSide
) -> None:
    words = "proofkeep: beating home is silent"
    over = run_here_tagged(status, {"repository": "nowhere"}, ["proofkeep"])
    with client() as api:
        run = api.create_flow_run(beating, name="home", tags=["proofkeep"], state=Pending())
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.flows.beating", str(run.id)], cwd=ROOT, env=prefect.environment
    )
    try:
        until(lambda: has_beaten(over) and has_beaten(run), "both hearts have beaten")
    finally:
        process.kill()
        process.wait()

    until(lambda: words in told(on_call, run), "the silent run is told")

    assert not [said for said in told(on_call, over) if said.endswith("is silent")]
    with client() as api:
        api.set_flow_run_state(run.id, Crashed(), force=True)


@pytest.mark.usefixtures("prefect")
def test_run_says_behind_its_last_heartbeat_that_it_ended() -> None:
    run = run_here_tagged(status, {"repository": "nowhere"}, ["proofkeep"])

    until(lambda: len(words_of(run)) > 1, "both are heard")

    last, *before = words_of(run)
    assert last.event == ENDED
    assert [each.event for each in before] == [HEARTBEAT]
    assert "prefect.tag.proofkeep" in {each.id for each in last.related}


def words_of(run: FlowRun) -> list[ReceivedEvent]:
    """What the server heard of a run the way of its heartbeats, the last first."""
    asked = EventFilter(
        event=EventNameFilter(name=[HEARTBEAT, ENDED]),
        resource=EventResourceFilter(id=[f"prefect.flow-run.{run.id}"]),
    )
    with client() as api:
        return api.read_events(asked, limit=10).events


def test_heartbeat_that_comes_in_behind_the_end_lets_nobody_call_the_run_silent(on_call: Receiver) -> None:
    words = "proofkeep: backup home is silent"
    soon = datetime.now(UTC) + timedelta(seconds=30)  # by events' own clock the wait is not over before both are heard
    over, silent = (made(Running(), Completed()) for _ in range(2))
    for run in (over, silent):
        say(HEARTBEAT, run, soon)
    until(lambda: has_beaten(over) and has_beaten(silent), "both hearts have beaten")

    say(ENDED, over, soon + timedelta(seconds=1))

    until(lambda: words in told(on_call, silent), "the one that did not say that it ended is told")
    wait_for_what_was_said_before(on_call)
    assert words not in told(on_call, over)


def say(event: str, run: FlowRun, occurred: datetime) -> None:
    """As a run's process does."""
    flow = {"prefect.resource.id": f"prefect.flow.{run.flow_id}", "prefect.resource.role": "flow"}
    emit_event(
        event,
        resource={"prefect.resource.id": f"prefect.flow-run.{run.id}"},
        related=[RelatedResource(flow), *tags_as_related_resources(run.tags)],
        occurred=occurred,
    )
