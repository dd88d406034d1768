"""Automations of a real server: made from files by one command, and fired by a run that fails."""

import os
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from prefect.client.schemas.objects import State
from prefect.states import Crashed, Failed, Running, Scheduled

from flows.backup import backup
from flows.outside import AGAIN
from infra.automations.__main__ import main
from infra.automations.definitions import FOLDER, read_definitions
from proofkeep.errors import UsageError
from tests.flows.conftest import PrefectSide
from tests.flows.running import client, run_here_tagged
from tests.flows.test_notified import made, told, wait_for_what_was_said_before
from tests.servers.pki import Pki
from tests.servers.receiver import Receiver
from tests.waiting import until

NAMES = {
    f"proofkeep-{name}"
    for name in (
        "failed",
        "crashed",
        "late",
        "long-running",
        "past-allowed-age",
        "retry-waits",
        "silent",
        "status-missing",
    )
}


@pytest.fixture(scope="module")
def on_call(pki: Pki) -> Iterator[Receiver]:
    with Receiver(pki.server) as receiver:
        yield receiver


def commanded(*arguments: str) -> tuple[int, str, str]:
    """Exit code and what the command says on both streams, without a process of its own: Prefect takes 3 s to load."""
    with redirect_stdout(StringIO()) as out, redirect_stderr(StringIO()) as complaints:
        code = main(list(arguments))
    return code, out.getvalue(), complaints.getvalue()


def commanded_well(*arguments: str) -> list[str]:
    code, said, complaints = commanded(*arguments)
    assert code == 0, complaints
    return said.splitlines()


@pytest.fixture(scope="module")
def first(prefect: PrefectSide, on_call: Receiver) -> Iterator[list[str]]:
    """What the first run of the command says; what it made is gone with the module."""
    assert prefect.directory.is_dir()
    yield commanded_well("--webhook", on_call.url)
    with client() as api:
        for automation in api.read_automations():
            api.delete_automation(automation.id)


def test_command_creates_each_and_a_second_run_changes_nothing(on_call: Receiver, first: list[str]) -> None:
    again = commanded_well("--webhook", on_call.url)

    assert first == [f"automation {name} created" for name in _in_order()]
    assert again == [f"automation {name} unchanged" for name in _in_order()]
    with client() as api:
        found = api.read_automations()
    assert {automation.name for automation in found} >= NAMES
    assert all(automation.enabled for automation in found)


def _in_order() -> list[str]:
    return [definition.name for definition in read_definitions()]


def test_changed_file_updates_its_automation_alone(on_call: Receiver, first: list[str], tmp_path: Path) -> None:
    assert first
    for file in FOLDER.glob("*.yaml"):
        (tmp_path / file.name).write_text(file.read_text().replace("within: 21600", "within: 3600"))

    changed = commanded_well("--webhook", on_call.url, str(tmp_path))
    commanded_well("--webhook", on_call.url)

    assert [line for line in changed if "unchanged" not in line] == ["automation proofkeep-long-running updated"]


def test_failed_run_notifies_with_its_code_and_link(prefect: PrefectSide, on_call: Receiver, first: list[str]) -> None:
    assert first
    assert prefect.directory.is_dir()
    run = run_here_tagged(backup, {"entry": "home", "repository": "nowhere", "source": "nowhere"}, ["proofkeep"])

    until(lambda: bool(on_call.about(run.id)), "somebody is notified")

    document = on_call.about(run.id)[0].document
    assert document["subject"].startswith("proofkeep: backup home ")
    assert "[usage]" in document["body"]
    assert str(run.id) in document["body"]


def test_crashed_run_notifies(on_call: Receiver, first: list[str]) -> None:
    assert first
    run = made(Running(), Crashed(message="process 1 is gone"))

    until(lambda: bool(on_call.about(run.id)), "somebody is notified")

    assert told(on_call, run) == ["proofkeep: backup home crashed"]


def late_run(deployment: UUID) -> str:
    """Id of a run that nobody took, once the server calls it Late."""
    with client() as api:
        due: State[Any] = Scheduled(scheduled_time=datetime.now(UTC) - timedelta(hours=2))
        run = api.create_flow_run_from_deployment(deployment, state=due)
        until(lambda: api.read_flow_run(run.id).state_name == "Late", "the run is late")
    return str(run.id)


def test_late_runs_of_one_deployment_notify_once(on_call: Receiver, first: list[str]) -> None:
    assert first
    with client() as api:
        flow = api.create_flow_from_name("late")
        names = [f"late-{os.urandom(4).hex()}" for _ in range(2)]
        one, other = (
            api.create_deployment(flow, name, entrypoint="nowhere.late", tags=["proofkeep"]) for name in names
        )
    runs = [late_run(one), late_run(one), late_run(other)]

    until(lambda: all(on_call.about(run) for run in (runs[0], runs[2])), "somebody is notified of both deployments")

    wait_for_what_was_said_before(on_call)
    assert on_call.about(runs[1]) == []


@pytest.mark.parametrize("ends", [Crashed, Failed])
def test_end_that_gets_its_card_later_notifies_once(
    ends: Callable[..., State[Any]], on_call: Receiver, first: list[str]
) -> None:
    assert first
    messages = ("exited with -9", f"{AGAIN}process 1 is gone", "the last")
    run = made(Running(), *(ends(message=words) for words in messages))

    def are_told(*words: str) -> bool:
        return all(any(each in sent.text for sent in on_call.about(run.id)) for each in words)

    until(lambda: are_told(messages[0], messages[2]), "its first end and its last are notified of")

    wait_for_what_was_said_before(on_call)
    assert not are_told(messages[1])


@pytest.mark.parametrize(
    "arguments,words",
    [
        ([], "nobody is named who is to be notified"),
        (["--notify", "slack-webhook/nowhere"], "block slack-webhook/nowhere does not exist at this prefect server"),
        (["--webhook", "http://on-call.example/"], "is not https"),
    ],
)
def test_command_refuses_to_guess_who_is_notified(prefect: PrefectSide, arguments: list[str], words: str) -> None:
    assert prefect.directory.is_dir()

    code, said, complaints = commanded(*arguments)

    assert code == 2
    assert words in complaints
    assert said == ""


def test_file_without_a_notification_is_named(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_text("name: x\ntrigger: {type: event}\n")

    with pytest.raises(UsageError, match=r"file x\.yaml needs name, trigger, and a notification"):
        read_definitions(tmp_path)
