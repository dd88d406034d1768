"""A backup that somebody cancels in the UI in the middle, and then retries there."""

import pytest
from prefect.states import Cancelling

from tests.faults.left import assert_listed_and_removable
from tests.flows.aftermath import (
    assert_nothing_was_sealed_or_sent_twice,
    committed,
    journal,
    visible,
)
from tests.flows.conftest import PrefectSide
from tests.flows.gatekeeper import Gatekeeper
from tests.flows.house import House
from tests.flows.running import artifacts, client, deployment_run, ended, message, outcomes, task_runs
from tests.waiting import until

pytestmark = pytest.mark.usefixtures("worker")

ATTEMPTS = 8
"""So often a refused upload is tried, over more than a minute: meanwhile the run neither fails nor goes on."""


def test_cancelled_run_goes_on_from_its_journal_when_it_is_retried(
    s3_house: House, gate: Gatekeeper, prefect: PrefectSide
) -> None:
    s3_house.fill(24)
    gate.refused = frozenset(range(3, 100))
    run = deployment_run(s3_house.parameters(attempts=ATTEMPTS))
    # The spool takes 16 MiB and gives little space back: it is full before the source was read to its end.
    until(lambda: len(prefect.told(run, "pack-sealed")) >= 12, "the spool is nearly full")
    until(lambda: len(prefect.told(run, "pack-sent")) == 2, "two packs have arrived")

    with client() as api:
        api.set_flow_run_state(run.id, Cancelling())
    cancelled = ended(run.id)
    card, before = artifacts(run.id)["markdown"], visible(s3_house)
    first = outcomes(task_runs(run, 1, 6))
    with journal(s3_house, run) as durable:
        sealed = {pack.id.name: pack.sha256 for pack in durable.packs()}
    assert_listed_and_removable(s3_house.state, run.id.bytes)
    arrived = set(gate.packs)
    gate.open()
    retried = prefect.command("prefect", "flow-run", "retry", str(run.id))
    ends = committed(s3_house, run, stages=4)

    assert cancelled.state_name == "Cancelled", message(cancelled)
    assert f"Execution of flow run '{run.id}' was terminated" in prefect.worker_log.read_text()
    assert "nothing is lost: " in card
    assert "press **Retry**" in card
    assert {name for name, _ in first} == {"snapshot", "compress", "encrypt", "checksum", "upload"}
    assert (before, len(arrived)) == ([], 2)
    assert retried.returncode == 0, retried.stdout + retried.stderr
    assert ends["checksum", "Completed"] == ends["commit", "Completed"] == 1
    with journal(s3_house, run) as durable:
        after = {pack.id.name: pack.sha256 for pack in durable.packs()}
    assert sealed.items() < after.items()
    assert_nothing_was_sealed_or_sent_twice(s3_house, run, gate, prefect)
