"""Pause in the UI: a run that ends by it has its card, goes on by Resume, and is known to who looks for runs."""

import pytest
from prefect.client.schemas.objects import FlowRun
from prefect.states import Suspended

from flows.outside import AGAIN
from flows.reconcile import reconcile
from tests.flows.aftermath import (
    assert_nothing_was_sealed_or_sent_twice,
    assert_restored,
    visible,
)
from tests.flows.conftest import PrefectSide
from tests.flows.gatekeeper import Gatekeeper
from tests.flows.house import House
from tests.flows.killing import process_of
from tests.flows.running import artifact_id, artifacts, client, deployment_run, ended, message
from tests.flows.test_cancelled_and_retried import ATTEMPTS
from tests.flows.test_crashes import attempts, died, leave_unended, seen
from tests.flows.test_reconcile import NO_TIME, now
from tests.waiting import until


def pause(run: FlowRun, seconds: int = 300) -> None:
    """What the UI does, which waits so long for Resume."""
    with client() as api:
        api.set_flow_run_state(run.id, Suspended(timeout_seconds=seconds), force=True)


@pytest.mark.usefixtures("worker")
def test_paused_run_has_its_card_at_once_and_goes_on_by_resume(
    s3_house: House, gate: Gatekeeper, deployed: PrefectSide
) -> None:
    s3_house.fill(6)
    gate.refused = frozenset(range(3, 100))
    run = deployment_run(s3_house.parameters(attempts=ATTEMPTS))
    until(lambda: bool(deployed.told(run, "stream-sealed")), "the source is read to its end")
    until(lambda: len(deployed.told(run, "pack-sent")) == 2, "two packs have arrived")
    process = process_of(run)

    pause(run)
    until(process.is_dead, "its process has ended")
    card = artifacts(run.id)["markdown"]
    done = reconcile(settled=NO_TIME, stuck=NO_TIME)
    suspended, status = now(run.id), seen(s3_house)[1]

    assert suspended.state_name == "Suspended"
    assert f"`cancelled`: run {run.id} was paused, which ends its process" in card
    assert "**Then:** press **Resume** on this run while it is Suspended: it goes on from what was sealed." in card
    assert "nothing is lost: " in card
    assert run.id not in {each.id for each in (*done.crashed, *done.told)}
    assert "**cancelled**" in status
    assert visible(s3_house) == []

    gate.open()
    with client() as api:
        api.resume_flow_run(run.id)
    resumed = ended(run.id)

    assert resumed.state_name == "Completed", message(resumed)
    assert visible(s3_house) == [run.id.bytes]
    assert_restored(s3_house)
    assert_nothing_was_sealed_or_sent_twice(s3_house, run, gate, deployed)


def test_run_that_nobody_resumed_leads_to_its_card(house: House) -> None:
    run = died(house)
    leave_unended(house, run)
    pause(run, seconds=1)
    until(lambda: now(run.id).state_name == "Failed", "the server waits no longer")
    said = message(now(run.id))

    first, second = ({each.id for each in reconcile(settled=NO_TIME).told} for _ in range(2))

    assert run.id in first - second
    assert message(now(run.id)).startswith(f"{AGAIN}run {run.id} was paused, which ends its process [cancelled]. ")
    assert message(now(run.id)).endswith(f"/{artifact_id(run.id)} It said before: {said}")
    assert attempts(house) == [(run.id.hex, "cancelled")]


def test_suspended_run_whose_process_was_killed_is_crashed(house: House) -> None:
    pause(run := died(house))

    assert run.id in {each.id for each in reconcile().crashed}
    assert now(run.id).state_name == "Crashed"
    assert "`process-gone`" in artifacts(run.id)["markdown"]
