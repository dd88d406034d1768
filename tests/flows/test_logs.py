import io
import json
import sys
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from prefect.client.schemas.filters import LogFilter, LogFilterFlowRunId
from prefect.client.schemas.objects import FlowRun
from prefect.logging.handlers import APILogHandler

from flows import logs
from flows.backup import backup
from tests.flows.conftest import PrefectSide
from tests.flows.house import House
from tests.flows.running import client, run_here, run_here_again
from tests.waiting import until

ENDS = ("Running", "Completed")


@pytest.fixture(scope="module")
def told(shared_house: House, prefect: PrefectSide) -> list[dict[str, Any]]:
    """Events of one backup with two transfers."""
    shared_house.fill(5)
    return events_of(run_here(backup, shared_house.parameters()), prefect)


def events_of(run: FlowRun, prefect: PrefectSide) -> list[dict[str, Any]]:
    """Every event of a run; the file holds nothing but one JSON object a line."""
    events = [json.loads(line) for line in prefect.events.read_text().splitlines()]
    return [event for event in events if event.get("flow_run_id") == str(run.id)]


def test_every_event_says_when_what_and_how_it_ended(told: list[dict[str, Any]]) -> None:
    assert told
    for event in told:
        assert event.keys() >= {"timestamp", "level", "event", "outcome", "flow_run_id"}
        assert event["timestamp"].endswith("Z")


def test_engine_threads_speak_under_the_ids_of_the_task_they_work_for(told: list[dict[str, Any]]) -> None:
    ids = {(event["task"], event["task_run_id"]) for event in told if event["event"] == "task-run-state"}
    speakers = {
        "data-key-generate": "encrypt",
        "pack-sealed": "checksum",
        "pack-sent": "upload",
        "pack-verified": "verify",
        "snapshot-commit": "commit",
        "stream-sealed": "checksum",
    }

    for action, task in speakers.items():
        events = [event for event in told if event["event"] == action]
        assert events, action
        assert {event["task"] for event in events} == {task}
        assert {(event["task"], event["task_run_id"]) for event in events} <= ids


def test_state_changes_of_flow_and_tasks_are_events(told: list[dict[str, Any]]) -> None:
    flow = [event["state"] for event in told if event["event"] == "flow-run-state"]
    tasks = Counter((event["task"], event["state"]) for event in told if event["event"] == "task-run-state")

    assert flow == ["Running", "Completed"]
    assert {event["attempt"] for event in told if "state" in event} == {1}
    assert tasks == Counter(
        {(task, state): 1 for task in ("snapshot", "compress", "encrypt", "checksum", "commit") for state in ENDS}
        | {(task, state): 2 for task in ("upload", "verify") for state in ENDS}
    )


def test_each_attempt_is_numbered(house: House, prefect: PrefectSide) -> None:
    house.fill(1)
    obstacle = house.root / "store" / "packs"
    obstacle.write_text("in the way")
    run = run_here(backup, house.parameters())
    obstacle.unlink()

    told = events_of(run_here_again(backup, run), prefect)

    flow = [(event["attempt"], event["state"]) for event in told if event["event"] == "flow-run-state"]
    upload = [
        (event["attempt"], event["state"]) for event in told if event.get("task") == "upload" and "state" in event
    ]
    assert flow == [(1, "Running"), (1, "Failed"), (2, "Running"), (2, "Completed")]
    assert upload == [(1, "Running"), (1, "Failed"), (1, "Running"), (1, "Completed")]  # a task run of its own each


def test_prefects_log_has_what_happens_once_and_nothing_of_each_pack(house: House) -> None:
    house.fill(1)
    run = run_here(backup, house.parameters())
    APILogHandler().flush()

    def lines() -> list[str]:
        with client() as api:
            found = api.read_logs(LogFilter(flow_run_id=LogFilterFlowRunId(any_=[run.id])), limit=200)
        return [log.message for log in found]

    until(lambda: any(line.startswith("snapshot-commit") for line in lines()), "the commit is in Prefect's log")
    assert not any("pack-" in line or "tell_state" in line for line in lines())


@pytest.fixture
def stderr(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """Standard error, to which events go while no file is named for them."""
    before, stream = structlog.get_config(), io.StringIO()
    monkeypatch.delenv(logs.EVENT_LOG, raising=False)
    monkeypatch.setattr(sys, "stderr", stream)
    logs.configure()
    yield stream
    structlog.configure(**before)


def test_exception_info_never_leaves_an_event(stderr: io.StringIO) -> None:
    secret = "a local variable"

    try:
        int(secret)
    except ValueError:
        structlog.get_logger().error("something", exc_info=True, stack_info=True)

    event = json.loads(stderr.getvalue())
    assert event["event"] == "something"
    assert secret not in json.dumps(event)
    assert event.keys() == {"event", "level", "timestamp"}
