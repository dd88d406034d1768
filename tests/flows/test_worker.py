"""The deployments of prefect.yaml, run by a process worker against a real S3 server."""

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest
from prefect.client.schemas.objects import FlowRun
from prefect.states import Cancelling, Pending

from flows.restore import restore
from infra.servers.process import ServerProcess
from infra.servers.seaweedfs import SeaweedFs, ambient_credentials
from proofkeep.journal import Journal
from tests.architecture.tree import ROOT
from tests.flows.conftest import PrefectSide
from tests.flows.gatekeeper import Gatekeeper
from tests.flows.house import House
from tests.flows.running import client, ended, message, outcomes, run_here, task_runs, until
from tests.servers.pki import Pki
from tests.servers.s3_client import s3_client

PACKS_BUCKET = "flows-packs"
LEDGER_BUCKET = "flows-ledger"


@pytest.fixture
def gate(seaweedfs: SeaweedFs, pki: Pki) -> Iterator[Gatekeeper]:
    with Gatekeeper(seaweedfs.url, pki) as keeper:
        yield keeper


@pytest.fixture
def s3_house(
    gate: Gatekeeper,
    seaweedfs: SeaweedFs,
    pki: Pki,
    make_house: Callable[..., House],
    monkeypatch: pytest.MonkeyPatch,
) -> House:
    """A house whose packs travel through the gate; its ledger has a bucket and a way of its own."""
    admin = seaweedfs.admin
    for variable, value in ambient_credentials(admin).items():
        monkeypatch.setenv(variable, value)
    api = s3_client(seaweedfs.url, seaweedfs.region, admin.access_key, admin.secret_key, pki.ca_path)
    name = os.urandom(4).hex()
    for bucket in (f"{PACKS_BUCKET}-{name}", f"{LEDGER_BUCKET}-{name}"):
        api.create_bucket(Bucket=bucket)
    place = {"kind": "s3", "region": seaweedfs.region}
    return make_house(
        store=place | {"bucket": f"{PACKS_BUCKET}-{name}", "endpoint_url": gate.url},
        ledger=place | {"bucket": f"{LEDGER_BUCKET}-{name}", "endpoint_url": seaweedfs.url},
        tls={"ca_file": str(pki.ca_path)},
    )


def deployment_run(parameters: dict[str, Any], deployment: str = "backup/backup") -> FlowRun:
    """A run of a deployment, on its way to the worker."""
    with client() as api:
        found = api.read_deployment_by_name(deployment)
        return api.create_flow_run_from_deployment(found.id, parameters=parameters)


def prefect_command(side: PrefectSide, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "prefect", *arguments],
        cwd=ROOT,
        env=side.environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def failures_by_pack(house: House, run: FlowRun) -> list[int]:
    """How often each pack of a run failed to be sent, by the journal."""
    repository = house.configuration.connect()
    folder = house.configuration.open_state(repository).run(run.id.bytes)
    with closing(Journal(folder / "journal.sqlite")) as journal:
        return sorted(pack.failures for pack in journal.packs())


def test_retry_sends_only_the_failed_transfer_again(
    s3_house: House, gate: Gatekeeper, worker: ServerProcess, prefect: PrefectSide
) -> None:
    assert worker.pid
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

    retried = prefect_command(prefect, "flow-run", "retry", str(run.id))
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
    assert set(gate.uploads.values()) == {1}
    *others, refused = failures_by_pack(s3_house, run)
    assert refused == 2
    assert set(others) == {0}
    target = s3_house.root / "restored"
    restored = run_here(restore, {"repository": s3_house.name, "keys": s3_house.name, "target": str(target)})
    assert restored.state_name == "Completed", message(restored)
    assert s3_house.is_restored(target)


def events_of(side: PrefectSide, run: FlowRun, action: str) -> list[dict[str, Any]]:
    """Events of one kind that a run has told so far."""
    lines = side.events.read_text().splitlines() if side.events.exists() else []
    found = [json.loads(line) for line in lines]
    return [event for event in found if event["event"] == action and event.get("flow_run_id") == str(run.id)]


def test_cancelled_run_ends_by_itself(house: House, worker: ServerProcess, prefect: PrefectSide) -> None:
    assert worker.pid
    house.fill(96)
    run = deployment_run(house.parameters(level=22, workers=1))
    until(lambda: bool(events_of(prefect, run, "pack-sealed")), "a pack is sealed")

    with client() as api:
        api.set_flow_run_state(run.id, Cancelling())
    run = ended(run.id)

    assert run.state_name == "Cancelled"
    # What the flow's own process says at its end; a process that had to be killed says nothing.
    assert f"Execution of flow run '{run.id}' was terminated" in prefect.worker_log.read_text()
    told = {event["state"] for event in events_of(prefect, run, "flow-run-state")}
    assert told == {"Running", "Cancelling"}


def killed_while_it_sends(house: House, gate: Gatekeeper, side: PrefectSide) -> FlowRun:
    """A run of the deployment whose process, which no worker watches, was killed with an upload under way."""
    with client() as api:
        deployment = api.read_deployment_by_name("backup/backup")
        # Pending: no worker takes it.
        run = api.create_flow_run_from_deployment(deployment.id, parameters=house.parameters(), state=Pending())
    gate.held = True
    with (side.directory / "killed.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "prefect.engine", str(run.id)],
            cwd=side.directory,
            env=side.environment,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    assert gate.arrived.wait(60)
    process.kill()
    process.wait()
    gate.open()
    return run


def test_run_whose_process_is_gone_is_made_retryable_and_seals_nothing_twice(
    s3_house: House, gate: Gatekeeper, worker: ServerProcess, prefect: PrefectSide
) -> None:
    assert worker.pid
    s3_house.fill(6)
    run = killed_while_it_sends(s3_house, gate, prefect)
    refused = prefect_command(prefect, "flow-run", "retry", str(run.id))
    sealed = events_of(prefect, run, "pack-sealed")

    reconciled = subprocess.run(
        [sys.executable, "-m", "flows.reconcile"],
        cwd=ROOT,
        env=prefect.environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )

    assert refused.returncode != 0
    assert str(run.id) in reconciled.stdout
    with client() as api:
        crashed = api.read_flow_run(run.id)
        limit = api.read_deployment_by_name("backup/backup").global_concurrency_limit
    assert crashed.state_name == "Crashed"
    assert limit is not None
    assert limit.active_slots == 0
    assert prefect_command(prefect, "flow-run", "retry", str(run.id)).returncode == 0
    run = ended(run.id, attempt=2)
    assert run.state_name == "Completed", message(run)
    assert events_of(prefect, run, "pack-sealed") == sealed
    assert {name for name, _ in outcomes(task_runs(run, 2, 5))} == {"upload", "verify", "commit"}
