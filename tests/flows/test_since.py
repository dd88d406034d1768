"""Since when a card says that a run fails: no later than its last sign of life, and in a row that any success ends."""

import os
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from prefect.client.schemas.actions import ArtifactCreate, ArtifactUpdate
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterFlowRunId
from prefect.client.schemas.objects import FlowRun
from prefect.events import emit_event
from prefect.states import Cancelling, Completed, Crashed, Failed, Pending, Running, Scheduled

from flows.backup import backup
from flows.heard import HEARTBEAT, last_beat
from flows.history import since, spelled
from proofkeep.errors import (
    HostLostError,
    ProcessGoneError,
    ProofkeepError,
    ServerUnavailableError,
    StoreUnavailableError,
)
from tasks.backup import upload
from tests.flows.running import client
from tests.flows.test_reconcile import now
from tests.waiting import until

pytestmark = pytest.mark.usefixtures("prefect")

LATER = timedelta(hours=5)


@pytest.fixture
def subject() -> str:
    """What the runs of one entry are called by."""
    return f"entry-{os.urandom(4).hex()}"


def named(subject: str, minute: int = 0) -> FlowRun:
    """A run under way."""
    with client() as api:
        made = api.create_flow_run(backup, name=f"{subject} 2026-11-30 15:{minute:02}Z", parameters={}, state=Pending())
        api.set_flow_run_state(made.id, Running(), force=True)
        return api.read_flow_run(made.id)


def told(run: FlowRun, subject: str, error: ProofkeepError, noticed: timedelta = LATER) -> tuple[str, str]:
    """What the card says of the run itself, and of those before it."""
    with client() as api:
        own, _, before = since(api, run, subject, error, datetime.now(UTC) + noticed).partition("; ")
    return own, before


def began(run: FlowRun) -> datetime:
    """When it was set Running."""
    with client() as api:
        return max(state.timestamp for state in api.read_flow_run_states(run.id) if state.is_running())


def bar_moves(run: FlowRun) -> datetime:
    with client() as api:
        bar = api.create_artifact(ArtifactCreate(type="progress", data=1.0, flow_run_id=run.id))
        api.update_artifact(bar.id, ArtifactUpdate(data=2.0))
        mine = ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[run.id]))
        (moved,) = (each.updated for each in api.read_artifacts(artifact_filter=mine))
    assert moved is not None
    return moved


def heart_beats(run: FlowRun) -> datetime:
    emit_event(HEARTBEAT, resource={"prefect.resource.id": f"prefect.flow-run.{run.id}"})
    with client() as api:
        until(lambda: last_beat(api, run) is not None, "the heartbeat is heard")
        beat = last_beat(api, run)
    assert beat is not None
    return beat


def task_begins(run: FlowRun) -> datetime:
    with client() as api:
        task_run = api.create_task_run(upload, run.id, "0", state=Running())
        start = api.read_task_run(task_run.id).start_time
    assert start is not None
    return start


@pytest.mark.parametrize("sign", [began, bar_moves, heart_beats, task_begins], ids=lambda sign: sign.__name__)
@pytest.mark.parametrize("error", [ProcessGoneError("x"), HostLostError("x")], ids=lambda error: error.code)
def test_killed_run_failed_between_its_last_sign_of_life_and_when_that_was_noticed(
    error: ProofkeepError, sign: Callable[[FlowRun], datetime], subject: str
) -> None:
    run = named(subject)
    last = sign(run)

    own, _ = told(run, subject, error)

    first, noticed = instants(own)
    assert first == spelled(last)
    assert noticed > first


def instants(own: str) -> tuple[str, str]:
    assert own.startswith("between "), own
    first, _, noticed = own.removeprefix("between ").partition(" and ")
    return first, noticed


@pytest.mark.parametrize("sign", [began, bar_moves, heart_beats], ids=lambda sign: sign.__name__)
def test_run_that_gave_up_on_the_server_failed_between_what_that_heard_last_and_then(
    sign: Callable[[FlowRun], datetime], subject: str
) -> None:
    run = named(subject)
    last = sign(run)
    until(lambda: spelled(datetime.now(UTC)) > spelled(last), "the second is over")
    task_begins(run)  # as it may while the server is away, which is told that later

    own, _ = told(run, subject, ServerUnavailableError("x"))

    first, noticed = instants(own)
    assert first == spelled(last)
    assert noticed > first


def test_what_the_server_hears_once_it_is_back_tells_nothing_of_when_it_went(subject: str) -> None:
    run = named(subject)
    last, gave_up = began(run), datetime.now(UTC)
    until(lambda: spelled(datetime.now(UTC)) > spelled(gave_up), "the second is over")
    bar_moves(run)
    heart_beats(run)

    with client() as api:
        own = since(api, run, subject, ServerUnavailableError("x"), gave_up).partition("; ")[0]

    assert own in {spelled(last), f"between {spelled(last)} and {spelled(gave_up)}"}


@pytest.mark.parametrize("ends", [[], [Crashed()]], ids=["told by itself", "told by its worker"])
def test_run_that_had_given_up_before_the_server_was_back_failed_before_that(ends: list[object], subject: str) -> None:
    run = named(subject)
    error = ServerUnavailableError("x")
    last, error.gave_up_ns = began(run), time.time_ns()
    gave_up = spelled(datetime.fromtimestamp(error.gave_up_ns / 10**9, UTC))
    until(lambda: spelled(datetime.now(UTC)) > gave_up, "the second is over")
    bar_moves(run)
    heart_beats(run)
    task_begins(run)
    end(run.id, *ends)

    own, _ = told(run, subject, error)

    assert own in {spelled(last), f"between {spelled(last)} and {gave_up}"}


def test_retry_that_gave_up_on_the_server_failed_first_when_its_first_attempt_did(subject: str) -> None:
    run = named(subject)
    end(run.id, Failed())
    with client() as api:
        (first,) = (state.timestamp for state in api.read_flow_run_states(run.id) if state.is_failed())
    end(run.id, Scheduled(), Running())
    error = ServerUnavailableError("x")
    error.gave_up_ns = time.time_ns()

    assert told(now(run.id), subject, error)[0] == spelled(first)


def test_what_others_do_of_a_dead_run_is_no_sign_of_its_life(subject: str) -> None:
    run = named(subject)
    with client() as api:
        dead = api.create_task_run(upload, run.id, "0", state=Pending())
        before, _ = instants(told(run, subject, ProcessGoneError("x"))[0])
        until(lambda: spelled(datetime.now(UTC)) > before, "the second is over")
        api.set_task_run_state(dead.id, Crashed(), force=True)
        api.set_flow_run_state(run.id, Cancelling(), force=True)
        api.create_artifact(ArtifactCreate(type="markdown", data="a card", flow_run_id=run.id))

    after, _ = instants(told(run, subject, ProcessGoneError("x"))[0])

    assert after == before


def test_run_that_told_its_end_failed_then(subject: str) -> None:
    own, before = told(named(subject), subject, StoreUnavailableError("x"), timedelta())

    assert "between" not in own
    assert before == "no run before it is known"


def test_crash_that_somebody_else_noticed_lies_before_their_noticing(subject: str) -> None:
    run = named(subject)
    last = began(run)
    until(lambda: spelled(datetime.now(UTC)) > spelled(last), "the second is over")
    end(run.id, Crashed())

    own, _ = told(now(run.id), subject, ProcessGoneError("x"))

    with client() as api:
        (noticed,) = (state.timestamp for state in api.read_flow_run_states(run.id) if state.is_crashed())
    assert instants(own) == (spelled(last), spelled(noticed))


def end(run: UUID, *states: object) -> None:
    with client() as api:
        for state in states:
            api.set_flow_run_state(run, state, force=True)  # type: ignore[arg-type] # of whatever kind


def test_row_of_failures_ends_with_a_success_by_retry(subject: str) -> None:
    first, second = named(subject, 1), named(subject, 2)
    end(first.id, Failed())
    end(second.id, Failed())
    assert told(named(subject, 3), subject, StoreUnavailableError("x"))[1].startswith("2 runs in a row before it ")

    end(first.id, Scheduled(), Running(), Completed())

    assert told(named(subject, 4), subject, StoreUnavailableError("x"))[1] == "the run before it did not fail"


def test_row_of_failures_is_told_with_when_the_first_of_them_ended(subject: str) -> None:
    runs = [named(subject, minute) for minute in range(3)]
    end(runs[2].id, Completed())
    end(runs[1].id, Failed())
    first = now(runs[1].id).end_time
    end(runs[0].id, Failed())

    before = told(named(subject, 3), subject, StoreUnavailableError("x"))[1]

    assert first is not None
    assert before == f"2 runs in a row before it failed too, the first {spelled(first)}"


def test_run_of_an_entry_that_is_called_as_its_repository_is_no_run_of_the_repository(subject: str) -> None:
    end(named(f"{subject} in {subject}").id, Failed())

    assert told(named(subject), subject, StoreUnavailableError("x"))[1] == "no run before it is known"
