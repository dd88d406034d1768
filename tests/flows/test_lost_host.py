"""A host that is lost for good, as somebody states: its runs are told and made retryable; a living one contradicts."""

import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from prefect.client.schemas.actions import ArtifactCreate, ArtifactUpdate
from prefect.client.schemas.objects import FlowRun, State
from prefect.events import emit_event
from prefect.states import Cancelled, Failed, Pending, Running, Scheduled, Suspended

from flows import lost_host
from flows.heard import HEARTBEAT, last_word
from flows.host import JOURNAL, ProcessMark
from flows.lost_host import write_off
from flows.outside import AGAIN
from flows.standing import without_backups
from proofkeep.cli.exits import Exit
from proofkeep.configuration.identity import host_name
from proofkeep.errors import UsageError
from tests.engine.cli.test_json import documented, undocumented
from tests.flows.conftest import QUEUE, PrefectSide
from tests.flows.house import House
from tests.flows.running import artifacts, client, message
from tests.flows.test_crashes import attempts, crash
from tests.flows.test_failure_cards import row
from tests.flows.test_reconcile import now, reconcile_command, run_of
from tests.flows.worker import Worker
from tests.waiting import until

NO_TIME = timedelta(seconds=-10)  # a server that answers many requests may tell a time that is a second old


@pytest.fixture
def gone() -> str:
    """The name of a host."""
    return f"gone-{os.urandom(4).hex()}.example"


@pytest.fixture
def queue(gone: str, deployed: PrefectSide) -> Iterator[str]:
    """That host's work queue, which no worker asks for runs; two entries are backed up there."""
    assert deployed.directory.is_dir()
    with client() as api:
        like = api.read_deployment_by_name("backup/backup")
        made = [
            api.create_deployment(
                like.flow_id,
                f"{entry}-{gone}",
                work_pool_name="proofkeep",
                work_queue_name=gone,
                entrypoint=like.entrypoint,
                parameters={"entry": entry},
                tags=["proofkeep"],
            )
            for entry in ("mail", "home")
        ]
    yield gone
    with client() as api:
        for deployment in made:
            api.delete_deployment(deployment)


def on(host: str) -> ProcessMark:
    """A process of that host."""
    return replace(ProcessMark.mine(), host=host)


def taken(queue: str, parameters: dict[str, Any]) -> FlowRun:
    """A run that a worker took from the queue."""
    with client() as api:
        deployment = api.read_deployment_by_name(f"backup/home-{queue}")
        return api.create_flow_run_from_deployment(deployment.id, parameters=parameters, state=Pending())


def scheduled(queue: str, later: timedelta) -> FlowRun:
    """A run that no worker has taken, and whose time is so much later than now."""
    with client() as api:
        deployment = api.read_deployment_by_name(f"backup/home-{queue}")
        state: State[Any] = Scheduled(scheduled_time=datetime.now(UTC) + later)
        return api.create_flow_run_from_deployment(deployment.id, state=state)


def test_run_of_a_lost_host_is_crashed_and_its_card_says_what_is_lost(queue: str, house: House) -> None:
    run = taken(queue, house.parameters())
    with client() as api:
        api.set_flow_run_state(run.id, Running(), force=True)
        api.update_flow_run_labels(run.id, on(queue).labels() | {JOURNAL: queue})
    others = [run_of(ProcessMark.mine()), run_of(on("elsewhere.example"))]

    done = write_off(queue, NO_TIME)

    assert [each.id for each in done.runs.crashed] == [run.id]
    assert [now(each).state_name for each in (run.id, *others)] == ["Crashed", "Running", "Running"]
    assert message(now(run.id)).startswith(
        f"host {queue} is lost, and the process of run {run.id} with it [host-lost]. "
    )
    text = artifacts(run.id)["markdown"]
    assert row(text, "cause").startswith("**lost host** (`host-lost`")
    assert row(text, "where").endswith(f", work queue `{queue}`"), "the name that the inventory has for the host"
    assert f"in the spool on host {queue}, of this run and of earlier ones, is **lost unless" in row(text, "safe")
    assert "grows older until a run commits" in row(text, "recovery point")
    assert row(text, "without backups") == "`home`, `mail`, until another host backs them up"
    assert "run `proofkeep resume-transfers` there: it sends what waited. A Retry reads the source" in text
    assert attempts(house) == [], "no status of this host shows it for ever"


def test_run_of_a_lost_hosts_control_queue_names_the_entries_of_the_host(queue: str) -> None:
    run = FlowRun(flow_id=uuid4(), work_queue_name=f"{queue}-control")

    with client() as api:
        told = without_backups(api, run)

    assert told == "`home`, `mail`, until another host backs them up"


def test_run_that_had_not_begun_on_a_lost_host_is_crashed_too(queue: str) -> None:
    run = taken(queue, {"entry": "home", "repository": "nowhere", "source": "nowhere"})

    done = write_off(queue, NO_TIME)

    assert [(each.id, each.process) for each in done.runs.crashed] == [(run.id, None)]
    assert done.entries == ["home", "mail"]
    assert row(artifacts(run.id)["markdown"], "safe") == "this run had begun no journal: it had sealed nothing"


@pytest.mark.usefixtures("prefect")
def test_crashed_run_of_a_lost_host_that_has_no_card_gets_one(gone: str) -> None:
    run = crash(run_of(on(gone)))

    done = write_off(gone, NO_TIME)

    assert [each.id for each in done.runs.told] == [run]
    assert message(now(run)).startswith(f"{AGAIN}host {gone} is lost, ")
    assert "`host-lost`" in artifacts(run)["markdown"]


def test_run_that_was_due_on_a_lost_host_is_cancelled_and_one_to_come_is_not(queue: str) -> None:
    due, to_come = (scheduled(queue, timedelta(hours=hours)) for hours in (-1, 24))

    done = write_off(queue, NO_TIME)

    assert [each.id for each in done.ended] == [due.id]
    assert [now(each.id).state_name for each in (due, to_come)] == ["Cancelled", "Scheduled"]
    assert message(now(due.id)) == f"host {queue} is lost, and had not begun this run"
    assert done.runs.told == []
    assert artifacts(due.id) == {}


def test_run_of_a_lost_host_that_somebody_cancelled_gets_its_card(queue: str, house: House) -> None:
    """Prefect itself ends what was to be cancelled when nobody does within five minutes."""
    run, never_begun = taken(queue, house.parameters()), taken(queue, house.parameters())
    with client() as api:
        api.set_flow_run_state(run.id, Running(), force=True)
        api.update_flow_run_labels(run.id, on(queue).labels())
        for each in (run, never_begun):
            api.set_flow_run_state(each.id, Cancelled(message="Flow run cancellation timed out."), force=True)

    done, again = write_off(queue, NO_TIME), write_off(queue, NO_TIME)

    assert [(each.id, each.state) for each in done.runs.told] == [(run.id, "Cancelled")]
    assert now(run.id).state_name == "Cancelled"
    assert message(now(run.id)).startswith(f"{AGAIN}host {queue} is lost, ")
    assert "`host-lost`" in artifacts(run.id)["markdown"]
    assert artifacts(never_begun.id) == {}
    assert again.runs.told == []


@pytest.mark.usefixtures("prefect")
def test_host_of_which_a_run_was_heard_is_not_lost(gone: str) -> None:
    run = run_of(on(gone))

    with pytest.raises(UsageError, match=f"host {gone} is not lost: run {run} was heard of at .*Z, and 15m of silence"):
        write_off(gone)

    assert now(run).state_name == "Running"


def test_paused_run_of_a_lost_host_is_told_suspended_or_failed(queue: str, house: House) -> None:
    runs = [taken(queue, house.parameters()) for _ in range(3)]
    ends: list[State[Any]] = [
        Suspended(timeout_seconds=300),
        Failed(message="The flow was paused and never resumed."),
        Failed(message="it told its end itself"),
    ]
    with client() as api:
        for run, end in zip(runs, ends, strict=True):
            api.set_flow_run_state(run.id, Running(), force=True)
            api.update_flow_run_labels(run.id, on(queue).labels())
            api.set_flow_run_state(run.id, end, force=True)

    done = write_off(queue, NO_TIME).runs

    assert ([each.id for each in done.crashed], [each.id for each in done.told]) == ([runs[0].id], [runs[1].id])
    assert [now(run.id).state_name for run in runs] == ["Crashed", "Failed", "Failed"]
    assert all("`host-lost`" in artifacts(run.id)["markdown"] for run in runs[:2])


def test_host_whose_worker_asks_for_runs_is_not_lost(worker: Worker) -> None:
    assert worker.works

    def has_asked() -> bool:
        with client() as api:
            return any(queue.last_polled for queue in api.read_work_queues() if queue.name == QUEUE)

    until(has_asked, "the server has noted that a worker asked")

    with pytest.raises(UsageError, match=f"host {QUEUE} is not lost: a worker asked for runs of queue {QUEUE}.* at "):
        write_off(QUEUE)


@pytest.mark.usefixtures("prefect")
@pytest.mark.parametrize(
    "host,words", [(host_name(), "it is this one"), ("nobody.example", "no work queue and no run is of host")]
)
def test_this_host_and_one_that_nobody_knows_are_refused(host: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        write_off(host)


@pytest.mark.usefixtures("prefect")
def test_bar_that_moves_is_a_word_of_its_run(gone: str) -> None:
    run = now(run_of(on(gone)))
    with client() as api:
        bar = api.create_artifact(ArtifactCreate(type="progress", data=1.0, flow_run_id=run.id))
        before = last_word(api, run)

        api.update_artifact(bar.id, ArtifactUpdate(data=2.0))

        assert last_word(api, run) > before


@pytest.mark.usefixtures("prefect")
def test_heartbeat_is_a_word_of_its_run(gone: str) -> None:
    run = now(run_of(on(gone)))
    with client() as api:
        before = last_word(api, run)

        emit_event(HEARTBEAT, resource={"prefect.resource.id": f"prefect.flow-run.{run.id}"})

        until(lambda: last_word(api, run) > before, "the heartbeat is heard")


def test_command_tells_runs_and_the_entries_that_nobody_backs_up(queue: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lost_host.write_off, "__defaults__", (NO_TIME,))
    run = taken(queue, {"entry": "home", "repository": "nowhere", "source": "nowhere"})

    code, told = reconcile_command("--lost-host", queue)

    assert code is Exit.OK
    result = told["result"]
    assert [UUID(each["flow_run"]) for each in result["crashed"]] == [run.id]
    assert result["entries"] == ["home", "mail"]
    assert undocumented(result, documented()["reconcile"][0]) == set()
