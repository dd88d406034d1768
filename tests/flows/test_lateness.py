"""Windows of runs, slots and leases of a backup, against the session's server."""

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterFlowRunId, LogFilter, LogFilterFlowRunId
from prefect.client.schemas.objects import ConcurrencyLeaseHolder, FlowRun, State
from prefect.flows import Flow
from prefect.states import Pending, Running, Scheduled

from flows.backup import backup
from flows.drill import restore_drill
from flows.fleet import fleet
from flows.lateness import missed_window
from flows.limits import LEASE, LEASE_SECONDS
from flows.reconcile import reconcile
from flows.verify import verify
from tests.architecture.tree import ROOT
from tests.docs.pages import DOCS, blocks_run_by
from tests.flows.conftest import PrefectSide
from tests.flows.house import House
from tests.flows.running import _run, artifacts, client, limit_to_one, message, run_here, taken
from tests.flows.test_reconcile import ended_process
from tests.waiting import until

ON_CALL = DOCS / "on-call" / "README.md"
THIS = "tests/flows/test_lateness.py::test_slots_without_a_lease_are_given_back_by_the_command_of_the_page"
HOLD = """
from uuid import UUID
from types import SimpleNamespace
import sys, time
from flows.limits import slot_at
with slot_at(sys.argv[1], SimpleNamespace(id=UUID(sys.argv[2]))):
    print("held", flush=True)
    time.sleep(600)
"""


def scheduled(late: timedelta, **fields: Any) -> FlowRun:
    """A run whose time was that long ago."""
    now = datetime.now(UTC)
    given = {"start_time": now, "expected_start_time": now - late, "run_count": 1}
    return FlowRun(flow_id=uuid4(), **{**given, **fields})


def test_run_that_missed_its_window_says_how_far() -> None:
    assert missed_window(scheduled(timedelta(hours=3)), 3600) == {"started": "**3h late, after its window of 1h**"}


@pytest.mark.parametrize(
    "run,window",
    [
        (scheduled(timedelta(minutes=10)), 3600),
        (scheduled(timedelta(hours=3), start_time=None), 3600),
        (scheduled(timedelta(hours=3)), 10**30),
    ],
    ids=["in time", "not begun", "any time will do"],
)
def test_run_in_time_says_nothing(run: FlowRun, window: int) -> None:
    assert missed_window(run, window) == {}


LATE = "| started | **5h late, after its window of 1m** |"


def due_five_hours_ago(parameters: dict[str, Any], flow: Flow[..., Any] = backup) -> FlowRun:
    with client() as api:
        state: State[Any] = Scheduled(scheduled_time=datetime.now(UTC) - timedelta(hours=5))
        return api.create_flow_run(flow, parameters=flow.serialize_parameters(parameters), state=state)


def test_card_and_events_of_a_late_backup_say_so(house: House, prefect: PrefectSide) -> None:
    house.fill(1)
    parameters = house.parameters(window_seconds=60)
    run = due_five_hours_ago(parameters)

    ended = _run(backup, run, parameters)

    assert ended.state_name == "Completed", message(ended)
    assert LATE in artifacts(run.id)["markdown"]
    assert [event["window_seconds"] for event in prefect.told(run, "window-missed")] == [60]


@pytest.mark.parametrize("wrong", [{"repository": "nowhere"}, {}], ids=["at once", "later"])
def test_late_backup_that_fails_says_so_too(house: House, prefect: PrefectSide, wrong: dict[str, str]) -> None:
    parameters = house.parameters(window_seconds=60) | wrong  # and nothing is in the source
    run = due_five_hours_ago(parameters)

    ended = _run(backup, run, parameters)

    assert ended.state_name == "Failed"
    assert LATE in artifacts(run.id)["markdown"]
    assert [event["window_seconds"] for event in prefect.told(run, "window-missed")] == [60]


@pytest.mark.parametrize("flow", [verify, fleet], ids=lambda flow: flow.name)
def test_every_other_late_run_says_so_too(flow: Flow[..., Any], shared_house: House, prefect: PrefectSide) -> None:
    of_flow: dict[str, dict[str, Any]] = {
        "verify": {"repository": shared_house.name},
        "fleet": {"inventory": "late", "deployments": []},
    }
    parameters = of_flow[flow.name] | {"window_seconds": 60}
    run = due_five_hours_ago(parameters, flow)

    _run(flow, run, parameters)

    assert LATE in artifacts(run.id)["markdown"]
    assert [event["window_seconds"] for event in prefect.told(run, "window-missed")] == [60]


def test_card_of_a_late_drill_says_so_below_its_evidence(house: House, memory: Path) -> None:
    house.fill(1)
    assert run_here(backup, house.parameters()).state_name == "Completed"
    options = {"tmpfs": str(memory), "window_seconds": 60}
    parameters = {"repository": house.name, "keys": house.name, "options": options}
    run = due_five_hours_ago(parameters, restore_drill)

    ended = _run(restore_drill, run, parameters)

    assert ended.state_name == "Completed", message(ended)
    card = artifacts(run.id)["markdown"]
    assert card.startswith("# Restore drill ")
    assert card.endswith(f"\n\n| | |\n|---|---|\n{LATE}\n")


@pytest.mark.usefixtures("prefect")
def test_entry_of_a_fleet_that_nobody_remembers_says_nothing() -> None:
    assert missed_window(scheduled(timedelta(minutes=10), parent_task_run_id=uuid4()), 3600) == {}


def test_late_backup_that_is_killed_says_so_too(house: House) -> None:
    run = due_five_hours_ago(house.parameters(window_seconds=60))
    with client() as api:
        api.set_flow_run_state(run.id, Running(), force=True)
        api.update_flow_run_labels(run.id, ended_process().labels())

    assert run.id in {each.id for each in reconcile().crashed}
    assert LATE in artifacts(run.id)["markdown"]


@pytest.mark.usefixtures("prefect")
def test_late_fleet_that_is_killed_says_so_too() -> None:
    run = due_five_hours_ago({"inventory": "late", "deployments": [], "window_seconds": 60}, fleet)
    with client() as api:
        api.set_flow_run_state(run.id, Running(), force=True)
        api.update_flow_run_labels(run.id, ended_process().labels())

    assert run.id in {each.id for each in reconcile().crashed}
    assert LATE in artifacts(run.id)["markdown"]


def test_backup_gives_its_slot_back_however_it_ends(house: House) -> None:
    name = limit_to_one(house.name)

    failed = run_here(backup, house.parameters())  # nothing in the source
    house.fill(1)
    done = run_here(backup, house.parameters())

    assert (failed.state_name, done.state_name) == ("Failed", "Completed"), message(done)
    assert all(LEASE in run.labels for run in (failed, done))
    assert taken(name) == 0


def test_backup_that_waits_for_a_slot_says_what_for_and_goes_on_when_it_comes(
    house: House, prefect: PrefectSide
) -> None:
    house.fill(1)
    name = limit_to_one(house.name)
    with client() as api:
        holder = ConcurrencyLeaseHolder(type="flow_run", id=uuid4())
        held = api.increment_concurrency_slots_with_lease([name], 1, "concurrency", 300, holder).json()["lease_id"]
        run = api.create_flow_run(backup, parameters=backup.serialize_parameters(house.parameters()), state=Pending())
    words = f"a slot of repository {house.name}, 1 of 1 taken (limit {name})"
    seen: list[str] = []

    def let_go() -> None:
        try:
            until(lambda: f"waits for {words}" in described(run), "the run says what it waits for")
            seen.extend(described(run))
        finally:
            with client() as api:
                api.release_concurrency_slots_with_lease(UUID(held))

    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(copy_context().run, let_go)
        done = _run(backup, run, house.parameters())
    waiting.result()

    assert seen == [f"waits for {words}"]
    assert done.state_name == "Completed", message(done)
    assert [event["waits_for"] for event in prefect.told(run, "run-waits")] == [words]
    assert any(each.startswith("waited ") for each in described(run))
    until(lambda: any(words in line for line in lines(run)), "its log says so too")


def described(run: FlowRun) -> list[str]:
    """What the run's progress bars say."""
    mine = ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[run.id]))
    with client() as api:
        found = api.read_artifacts(artifact_filter=mine)
    return [artifact.description or "" for artifact in found if artifact.type == "progress"]


def lines(run: FlowRun) -> list[str]:
    """Its log at the server."""
    with client() as api:
        return [log.message for log in api.read_logs(LogFilter(flow_run_id=LogFilterFlowRunId(any_=[run.id])))]


def test_slots_without_a_lease_are_given_back_by_the_command_of_the_page(house: House, prefect: PrefectSide) -> None:
    house.fill(1)
    name = limit_to_one(house.name)
    with client() as api:
        api.increment_concurrency_slots([name], 1, "concurrency")  # as a server leaves it that cannot write the lease
    before = taken(name)

    (command,) = blocks_run_by(ON_CALL, THIS)
    typed = [sys.executable, "-m", *command.replace("LIMIT", name).split()]
    subprocess.run(typed, env=prefect.environment, check=True)

    assert (before, taken(name)) == (1, 0)
    assert run_here(backup, house.parameters()).state_name == "Completed"


@pytest.mark.soak
@pytest.mark.timeout(600)
def test_slot_of_a_killed_process_comes_free_when_its_lease_ends(prefect: PrefectSide) -> None:
    name = f"killed-{uuid4()}"
    limit = limit_to_one(name)
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, name, str(uuid4())],
        cwd=ROOT,
        env=prefect.environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    assert taken(limit) == 1
    os.kill(holder.pid, signal.SIGKILL)
    holder.wait()
    holder.stdout.close()

    time.sleep(LEASE_SECONDS)

    until(lambda: taken(limit) == 0, "the server has taken the slot back")
