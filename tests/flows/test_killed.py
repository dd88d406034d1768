"""kill -9 at three points of a backup that Prefect runs: of the run alone, and of the run together with its worker."""

import tempfile
from pathlib import Path

from prefect.client.schemas.objects import FlowRun

from flows.outside import AGAIN
from flows.reconcile import reconcile
from flows.workspaces import ABOUT, PREFIX
from tests.faults.left import assert_listed_and_removable
from tests.flows.aftermath import (
    assert_nothing_was_sealed_or_sent_twice,
    committed,
    run_with_two_packs_sent,
    visible,
)
from tests.flows.conftest import PrefectSide
from tests.flows.faults import STEPS
from tests.flows.gatekeeper import Gatekeeper
from tests.flows.house import House
from tests.flows.killing import CRASHED, assert_reconciled, cut_power, kill_process
from tests.flows.running import (
    artifacts,
    ask_for_retry,
    deployment_run,
    ended,
    limit_to_one,
    message,
    outcomes,
    taken,
    task_runs,
)
from tests.flows.test_reconcile import NO_TIME
from tests.flows.worker import Worker
from tests.waiting import until


def workspaces_of(run: FlowRun) -> list[Path]:
    """What the worker keeps of its attempts."""
    found = Path(tempfile.gettempdir()).glob(f"{PREFIX}*/{ABOUT}")
    return [about.parent for about in found if str(run.id) in about.read_text()]


def test_run_killed_while_it_seals_is_crashed_by_its_worker_and_retried(
    s3_house: House, gate: Gatekeeper, worker: Worker, prefect: PrefectSide
) -> None:
    s3_house.fill(24)
    limit = limit_to_one(s3_house.name)
    # The spool takes 16 MiB and gives no space back: it is full before the source was read to its end.
    run = run_with_two_packs_sent(
        s3_house, gate, prefect, sealed=lambda run: len(prefect.told(run, "pack-sealed")) >= 12
    )
    assert prefect.told(run, "stream-sealed") == []

    crashes = worker.count(*CRASHED)
    kill_process(run)
    crashed = ended(run.id)
    # Prefect's worker sets the run Crashed once more, when the hooks have ended; a retry before that would be hit.
    until(lambda: worker.count(*CRASHED) > crashes, "the worker is done with the run")
    died, card = outcomes(task_runs(run, 1, 6)), artifacts(run.id)["markdown"]
    told = message(ended(run.id))
    assert taken(limit) == 0
    before = visible(s3_house)
    assert_listed_and_removable(s3_house.state, run.id.bytes)
    gate.open()
    ask_for_retry(run)
    ends = committed(s3_house, run, stages=4)

    assert crashed.state_name == "Crashed"
    assert "Press Retry" in card
    assert told.startswith(AGAIN)
    assert "Card: " in told
    assert "It said before: Process exited with status code: -9" in told
    assert died == {(stage, "Crashed"): 1 for stage in STEPS} | {("upload", "Crashed"): 2}
    assert "Crashed" in {event["state"] for event in prefect.told(run, "flow-run-state")}
    assert before == []
    assert ends["checksum", "Completed"] == ends["commit", "Completed"] == 1
    assert_nothing_was_sealed_or_sent_twice(s3_house, run, gate, prefect)


def test_run_killed_with_its_worker_while_it_uploads_is_reconciled_and_retried(
    s3_house: House, gate: Gatekeeper, worker: Worker, prefect: PrefectSide
) -> None:
    s3_house.fill(6)
    limit = limit_to_one(s3_house.name)
    run = run_with_two_packs_sent(s3_house, gate, prefect, sealed=lambda run: bool(prefect.told(run, "stream-sealed")))
    sealed = prefect.told(run, "pack-sealed")

    cut_power(run, worker)
    assert taken(limit) == 1
    refused = prefect.command("prefect", "flow-run", "retry", str(run.id))
    reconciled = prefect.command("proofkeep", "reconcile")
    assert_reconciled(run)
    assert taken(limit) == 0
    worker.ensure()
    before = visible(s3_house)
    assert_listed_and_removable(s3_house.state, run.id.bytes)
    gate.open()
    ask_for_retry(run)
    ends = committed(s3_house, run)

    assert refused.returncode != 0
    assert str(run.id) in reconciled.stdout, reconciled.stderr
    assert before == []
    assert {name for name, _ in ends} == {"upload", "verify", "commit"}
    assert prefect.told(run, "pack-sealed") == sealed
    assert_nothing_was_sealed_or_sent_twice(s3_house, run, gate, prefect)


def test_run_killed_with_its_worker_between_record_and_closing_entry_is_reconciled_and_retried(
    s3_house: House, gate: Gatekeeper, worker: Worker, prefect: PrefectSide
) -> None:
    s3_house.fill(6)
    gate.holds = lambda path: "/ledger/" in path and any("/snapshots/" in sent for sent in gate.uploads)
    run = deployment_run(s3_house.parameters())
    until(gate.arrived.is_set, "its closing entry is held")
    sealed = prefect.told(run, "pack-sealed")

    cut_power(run, worker)
    left = [file.read_text() for folder in workspaces_of(run) for file in folder.iterdir()]
    reconciled = reconcile()
    assert_reconciled(run)
    assert reconcile(settled=NO_TIME).troubles == []
    after = workspaces_of(run)
    worker.ensure()
    before = visible(s3_house)
    gate.open()
    ask_for_retry(run)
    ends = committed(s3_house, run)

    assert [found.id for found in reconciled.crashed] == [run.id]
    assert any("PREFECT_API_URL" in text for text in left)
    assert after == []
    assert before == [run.id.bytes]  # the record is the commit
    assert ends.keys() == {("upload", "Cached"), ("verify", "Cached"), ("commit", "Completed")}
    assert prefect.told(run, "pack-sealed") == sealed
    assert_nothing_was_sealed_or_sent_twice(s3_house, run, gate, prefect)
