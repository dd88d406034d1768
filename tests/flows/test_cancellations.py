"""A cancelled run whose worker set it so, in words of its own, after the hook had made the card."""

from collections.abc import Iterator
from uuid import UUID

import pytest
from prefect.client.schemas.objects import FlowRun
from prefect.states import Cancelled, Cancelling, Running

from flows.backup import backup
from flows.outside import AGAIN
from flows.reconcile import reconcile
from flows.runs import nanoseconds
from proofkeep.configuration.identity import host_name
from tests.flows.house import House
from tests.flows.running import artifact_id, client, message, taken
from tests.flows.test_crashes import leave_unended, seen
from tests.flows.test_reconcile import NO_TIME, ended_process, hold_slot, now

WORKER_SAYS = "Flow run was cancelled successfully."


def told() -> set[UUID]:
    return {run.id for run in reconcile(settled=NO_TIME).told}


@pytest.fixture
def begun(house: House) -> Iterator[FlowRun]:
    """A run that somebody cancels, whose process is gone; no later test's reconcile finds it."""
    given = backup.serialize_parameters(house.parameters())
    with client() as api:
        run = api.create_flow_run(backup, parameters=given, state=Running())
        api.update_flow_run_labels(run.id, ended_process().labels())
        api.set_flow_run_state(run.id, Cancelling(), force=True)
    yield now(run.id)
    with client() as api:
        api.delete_flow_run(run.id)


def end(run: FlowRun) -> None:
    with client() as api:
        api.set_flow_run_state(run.id, Cancelled(message=WORKER_SAYS), force=True)


def test_its_state_leads_to_the_card_that_the_hook_made(begun: FlowRun) -> None:
    for hook in backup.on_cancellation_hooks:
        hook(backup, begun, Cancelling())
    card = artifact_id(begun.id)
    end(begun)

    first, second = told(), told()

    assert begun.id in first - second
    ended = now(begun.id)
    assert ended.state_name == "Cancelled"
    assert message(ended).startswith(f"{AGAIN}run {begun.id} was cancelled [cancelled]. ")
    assert message(ended).endswith(f"/{card} It said before: {WORKER_SAYS}")
    assert artifact_id(begun.id) == card


def test_run_whose_hook_never_ran_gets_its_card_and_gives_its_slot_back(begun: FlowRun) -> None:
    limit = hold_slot(begun.id)
    end(begun)

    assert begun.id in told()
    assert taken(limit) == 0
    assert f"/{artifact_id(begun.id)} It said before: " in message(now(begun.id))


@pytest.mark.parametrize("told_by", ["hook", "reconcile"])
def test_run_that_had_to_be_killed_is_cancelled_in_the_status_too_since_it_was_cancelled(
    told_by: str, house: House, begun: FlowRun
) -> None:
    leave_unended(house, begun)
    cancelling = begun.state
    assert cancelling is not None
    if told_by == "hook":
        for hook in backup.on_cancellation_hooks:
            hook(backup, begun, cancelling)
    else:
        end(begun)
        assert begun.id in told()

    _, card = seen(house)

    configuration = house.configuration
    with configuration.history() as history:
        (attempt,) = history.attempts(configuration.place)
    assert (attempt.code, attempt.ended) == ("cancelled", nanoseconds(cancelling.timestamp))
    assert f"backup `{begun.id.hex}`" in card
    assert "**cancelled**" in card
    assert "process-gone" not in card


def test_run_of_another_host_is_left_to_it(begun: FlowRun) -> None:
    end(begun)
    with client() as api:
        api.update_flow_run_labels(begun.id, {"proofkeep.host": f"not-{host_name()}"})

    assert begun.id not in told()
    assert message(now(begun.id)) == WORKER_SAYS
