"""The deployments of prefect.yaml, run by a process worker against a real S3 server."""

from collections import Counter
from contextlib import closing

import pytest
from prefect.client.schemas.objects import FlowRun
from prefect.states import Cancelling

from flows.reconcile import reconcile
from flows.restore import restore
from proofkeep.journal import Journal
from tests.flows.conftest import PrefectSide
from tests.flows.gatekeeper import Gatekeeper
from tests.flows.house import House
from tests.flows.running import artifacts, client, deployment_run, ended, message, outcomes, run_here, task_runs
from tests.flows.test_reconcile import NO_TIME
from tests.waiting import until

pytestmark = pytest.mark.usefixtures("worker")


def failures_by_pack(house: House, run: FlowRun) -> list[int]:
    """How often each pack of a run failed to be sent, by the journal."""
    repository = house.configuration.connect()
    folder = house.configuration.open_state(repository).run(run.id.bytes)
    with closing(Journal(folder / "journal.sqlite")) as journal:
        return sorted(pack.failures for pack in journal.packs())


def test_retry_sends_only_the_failed_transfer_again(s3_house: House, gate: Gatekeeper, prefect: PrefectSide) -> None:
    s3_house.fill(14)
    gate.refused = frozenset({6})
    run = ended(deployment_run(s3_house.parameters(attempts=2)).id)
    assert run.state_name == "Failed", message(run)
    assert "StoreUnavailableError" in message(run)
    transfers = 4
    first = outcomes(task_runs(run, 1, 4 + 2 * transfers - 1))
    assert first["upload", "Failed"] == 1
    assert first["verify", "Completed"] == transfers - 1
    gate.open()

    retried = prefect.command("prefect", "flow-run", "retry", str(run.id))
    run = ended(run.id, attempt=2)

    assert retried.returncode == 0, retried.stdout + retried.stderr
    assert run.state_name == "Completed", message(run)
    assert outcomes(task_runs(run, 2, 2 * transfers + 1)) == Counter(
        {
            ("upload", "Cached"): transfers - 1,
            ("verify", "Cached"): transfers - 1,
            ("upload", "Completed"): 1,
            ("verify", "Completed"): 1,
            ("commit", "Completed"): 1,
        }
    )
    assert len(gate.refusals) == 1
    assert set(gate.packs.values()) == {1}
    *others, refused = failures_by_pack(s3_house, run)
    assert refused == 2
    assert set(others) == {0}
    target = s3_house.root / "restored"
    restored = run_here(restore, {"repository": s3_house.name, "keys": s3_house.name, "target": str(target)})
    assert restored.state_name == "Completed", message(restored)
    assert s3_house.is_restored(target)


def test_cancelled_run_ends_by_itself(house: House, prefect: PrefectSide) -> None:
    house.fill(96)
    run = deployment_run(house.parameters(level=22, workers=1))
    until(lambda: bool(prefect.told(run, "pack-sealed")), "a pack is sealed")

    with client() as api:
        api.set_flow_run_state(run.id, Cancelling())
    run = ended(run.id)

    assert run.state_name == "Cancelled"
    # What the flow's own process says at its end; a process that had to be killed says nothing.
    assert f"Execution of flow run '{run.id}' was terminated" in prefect.worker_log.read_text()
    told = {event["state"] for event in prefect.told(run, "flow-run-state")}
    assert told == {"Running", "Cancelling"}
    until(lambda: "markdown" in artifacts(run.id), "the cancelled run has a card")
    card = artifacts(run.id)["markdown"]
    assert "**cancelled run**" in card
    assert "nothing is lost: " in card
    until(lambda: run.id in {each.id for each in reconcile(settled=NO_TIME).told}, "its state leads to the card")
    assert "Card: http" in message(ended(run.id))
