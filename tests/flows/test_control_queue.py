"""Two long backups fill a host's queue: what a person or a drill asks for meanwhile does not wait behind them."""

import os
from collections.abc import Iterator
from typing import Any

import pytest
from prefect.client.schemas.objects import StateType
from prefect.states import Pending

from flows import failing
from flows.backup import backup
from flows.deploying.wanted import CONTROL_LIMIT
from flows.reconcile import reconcile
from proofkeep.errors import UsageError
from tests.flows.conftest import QUEUE
from tests.flows.house import ENTRY, House
from tests.flows.running import client, deployment_run, ended, message, run_here
from tests.flows.test_failure_cards import row
from tests.flows.test_reconcile import now
from tests.flows.worker import Worker


@pytest.fixture
def full(worker: Worker) -> Iterator[None]:
    """This host's queue lets one run through at once, which a backup is."""
    assert worker.works
    with client() as api:
        queue = api.read_work_queue_by_name(QUEUE, "proofkeep")
        api.update_work_queue(queue.id, concurrency_limit=1)
        backup = api.read_deployment_by_name("backup/backup")
        run = api.create_flow_run_from_deployment(backup.id, parameters={}, state=Pending())
    yield
    with client() as api:
        api.delete_flow_run(run.id)
        api.update_work_queue(queue.id, concurrency_limit=None)


@pytest.mark.usefixtures("full")
@pytest.mark.parametrize("flow", ["status", "restore", "spot_check"])
def test_what_is_waited_for_begins_while_backups_wait_for_the_hosts_queue(house: House, flow: str) -> None:
    assert run_here(backup, house.parameters(allow_empty=True)).state_name == "Completed"
    parameters: dict[str, dict[str, Any]] = {
        "status": {"repository": house.name, "entries": []},
        "restore": {"repository": house.name, "keys": house.name, "target": str(house.root / "restored")},
        "spot_check": {"entry": ENTRY, "repository": house.name, "source": house.name, "questions": []},
    }
    waits = deployment_run(house.parameters())

    run = ended(deployment_run(parameters[flow], f"{flow}/{flow}").id)

    waiting = now(waits.id)
    with client() as api:
        api.delete_flow_run(waits.id)
    assert run.work_queue_name == f"{QUEUE}-control"
    assert run.state_name == "Completed", message(run)
    assert waiting.state_type is StateType.SCHEDULED


@pytest.mark.usefixtures("deployed")
def test_card_names_the_host_that_the_control_queue_is_of() -> None:
    with client() as api:
        resuming = api.read_deployment_by_name("resume_transfers/resume_transfers")
        run = api.create_flow_run_from_deployment(resuming.id, parameters={"repository": "main"}, state=Pending())

    text = failing.told_of("resume-transfers", "main", run, UsageError("x"))

    with client() as api:
        api.delete_flow_run(run.id)
    assert row(text, "where") == f"repository block `main`, work queue `{QUEUE}-control` of host `{QUEUE}`"


@pytest.mark.usefixtures("deployed")
def test_reconcile_makes_the_queue_without_which_a_worker_would_take_no_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """Asked for two queues of which one is absent, the server answers for none."""
    host = f"upgraded-{os.urandom(4).hex()}"
    monkeypatch.setenv("PROOFKEEP_HOST", host)

    done = [reconcile(), reconcile()]

    with client() as api:
        queue = api.read_work_queue_by_name(f"{host}-control", "proofkeep")
    assert queue.concurrency_limit == CONTROL_LIMIT
    assert [each.troubles for each in done] == [[], []]
