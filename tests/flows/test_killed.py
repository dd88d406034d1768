"""kill -9 at three points of a backup that Prefect runs: of the run alone, and of the run together with its worker."""

import os
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

from prefect.client.schemas.objects import FlowRun

from flows.host import ProcessMark
from flows.reconcile import reconcile
from flows.restore import restore
from proofkeep.journal import Journal
from proofkeep.repository.local_rows import open_table
from proofkeep.snapshots import list_snapshots
from tests.flows.conftest import PrefectSide
from tests.flows.faults import STEPS
from tests.flows.gatekeeper import Gatekeeper
from tests.flows.house import House
from tests.flows.running import (
    artifacts,
    ask_for_retry,
    client,
    deployment_run,
    ended,
    message,
    outcomes,
    run_here,
    task_runs,
    until,
)
from tests.flows.worker import Worker


def kill_process(run: FlowRun) -> None:
    """SIGKILL the process that says it works on a run."""
    with client() as api:
        process = ProcessMark.from_labels(api.read_flow_run(run.id).labels)
    assert process is not None
    os.kill(process.pid, signal.SIGKILL)
    until(process.is_dead, "the process is gone")


def run_with_two_packs_sent(
    house: House, gate: Gatekeeper, prefect: PrefectSide, *, sealed: Callable[[FlowRun], bool]
) -> FlowRun:
    """A run whose other packs are held on their way, once it has sealed what it should."""
    gate.holds = lambda path: gate.numbers.get(path, 0) > 2
    run = deployment_run(house.parameters())
    until(lambda: sealed(run), "enough is sealed")
    until(lambda: len(prefect.told(run, "pack-sent")) == 2, "two packs have arrived")
    return run


def visible(house: House) -> list[bytes]:
    """Runs whose snapshots a reader sees."""
    return [snapshot.id.run for snapshot in list_snapshots(house.configuration.connect())[0]]


@contextmanager
def journal(house: House, run: FlowRun) -> Iterator[Journal]:
    """The run's journal, which its process has left."""
    folder = house.configuration.open_state(house.configuration.connect()).run(run.id.bytes)
    with closing(Journal(folder / "journal.sqlite")) as opened:
        yield opened


def committed(house: House, run: FlowRun, *, stages: int = 0) -> Counter[tuple[str, str]]:
    """How the task runs of a retry ended, whose snapshot is the only one and restores bit for bit.

    Args:
        stages: how many streaming stages it runs.
    """
    run = ended(run.id, attempt=2)
    assert run.state_name == "Completed", message(run)
    assert visible(house) == [run.id.bytes]
    target = house.root / "restored"
    restored = run_here(restore, {"repository": house.name, "keys": house.name, "target": str(target)})
    assert restored.state_name == "Completed", message(restored)
    assert house.is_restored(target)
    with journal(house, run) as durable:
        transfers = len(durable.transfers())
    return outcomes(task_runs(run, 2, stages + 2 * transfers + 1))


def sealed_chunks(house: House, run: FlowRun) -> list[bytes]:
    """Ids of the chunks in the run's packs, each as often as it was sealed."""
    repository = house.configuration.connect()
    with journal(house, run) as durable:
        tables = [open_table(repository, durable.sealed_table(pack.number), pack.id.name) for pack in durable.packs()]
    return [chunk.id for table in tables for chunk in table.chunks]


def assert_nothing_was_sealed_or_sent_twice(house: House, run: FlowRun, gate: Gatekeeper, prefect: PrefectSide) -> None:
    chunks = sealed_chunks(house, run)
    assert len(chunks) == len(set(chunks))
    packs = Counter(event["pack"] for event in prefect.told(run, "pack-sealed"))
    assert set(packs.values()) == {1}
    assert {path.partition("/packs/")[2] for path in gate.packs} == {pack.partition("packs/")[2] for pack in packs}
    assert {path: count for path, count in gate.uploads.items() if count != 1} == {}


def test_run_killed_while_it_seals_is_crashed_by_its_worker_and_retried(
    s3_house: House, gate: Gatekeeper, worker: Worker, prefect: PrefectSide
) -> None:
    s3_house.fill(24)
    # The spool takes 16 MiB and gives no space back: it is full before the source was read to its end.
    run = run_with_two_packs_sent(
        s3_house, gate, prefect, sealed=lambda run: len(prefect.told(run, "pack-sealed")) >= 12
    )
    assert prefect.told(run, "stream-sealed") == []

    kill_process(run)
    crashed = ended(run.id)
    # Prefect's worker sets the run Crashed once more, when the hooks have ended; a retry before that would be hit.
    until(lambda: worker.says("flow_runs.worker", "exceeded its memory"), "the worker is done with the run")
    died, card = outcomes(task_runs(run, 1, 6)), artifacts(run.id)["markdown"]
    before = visible(s3_house)
    gate.open()
    ask_for_retry(run)
    ends = committed(s3_house, run, stages=4)

    assert crashed.state_name == "Crashed"
    assert "Press Retry" in card
    assert died == {(stage, "Crashed"): 1 for stage in STEPS} | {("upload", "Crashed"): 2}
    assert "Crashed" in {event["state"] for event in prefect.told(run, "flow-run-state")}
    assert before == []
    assert ends["checksum", "Completed"] == ends["commit", "Completed"] == 1
    assert_nothing_was_sealed_or_sent_twice(s3_house, run, gate, prefect)


def cut_power(run: FlowRun, worker: Worker) -> None:
    """SIGKILL a run's process together with the worker that would have noticed."""
    worker.kill()
    kill_process(run)


def assert_reconciled(run: FlowRun) -> None:
    with client() as api:
        crashed = api.read_flow_run(run.id)
        limit = api.read_deployment_by_name("backup/backup").global_concurrency_limit
    assert crashed.state_name == "Crashed"
    assert limit is not None
    assert limit.active_slots == 0


def test_run_killed_with_its_worker_while_it_uploads_is_reconciled_and_retried(
    s3_house: House, gate: Gatekeeper, worker: Worker, prefect: PrefectSide
) -> None:
    s3_house.fill(6)
    run = run_with_two_packs_sent(s3_house, gate, prefect, sealed=lambda run: bool(prefect.told(run, "stream-sealed")))
    sealed = prefect.told(run, "pack-sealed")

    cut_power(run, worker)
    refused = prefect.command("prefect", "flow-run", "retry", str(run.id))
    reconciled = prefect.command("proofkeep", "reconcile")
    assert_reconciled(run)
    worker.ensure()
    before = visible(s3_house)
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
    assert gate.arrived.wait(60)
    sealed = prefect.told(run, "pack-sealed")

    cut_power(run, worker)
    reconciled = reconcile()
    assert_reconciled(run)
    worker.ensure()
    before = visible(s3_house)
    gate.open()
    ask_for_retry(run)
    ends = committed(s3_house, run)

    assert [found.id for found in reconciled] == [run.id]
    assert before == [run.id.bytes]  # the record is the commit
    assert ends.keys() == {("upload", "Cached"), ("verify", "Cached"), ("commit", "Completed")}
    assert prefect.told(run, "pack-sealed") == sealed
    assert_nothing_was_sealed_or_sent_twice(s3_house, run, gate, prefect)
