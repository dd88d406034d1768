"""kill -9 of a run's process, alone or with its worker; what the server must show then; a deployment for it."""

import os
import signal
from pathlib import Path

from prefect.client.schemas.objects import FlowRun

from flows.host import ProcessMark
from tests.architecture.tree import ROOT
from tests.flows.conftest import QUEUE
from tests.flows.killable import Fuse
from tests.flows.running import client
from tests.flows.worker import Worker
from tests.waiting import until

KILLABLE = "backup/killable"
CRASHED = ("flow_runs.worker", "exceeded its memory")
"""What a worker says when it is done with a run whose process was killed."""


def process_of(run: FlowRun) -> ProcessMark:
    """The process that says it works on a run."""
    with client() as api:
        process = ProcessMark.from_labels(api.read_flow_run(run.id).labels)
    assert process is not None
    return process


def kill_process(run: FlowRun) -> None:
    """SIGKILL that process."""
    process = process_of(run)
    os.kill(process.pid, signal.SIGKILL)
    until(process.is_dead, "the process is gone")


def cut_power(run: FlowRun, worker: Worker) -> None:
    """SIGKILL a run's process together with the worker that would have noticed."""
    worker.kill()
    kill_process(run)


def assert_reconciled(run: FlowRun, deployment: str = "backup/backup") -> None:
    """The run is Crashed, and its deployment's slot is free."""
    with client() as api:
        crashed = api.read_flow_run(run.id)
        limit = api.read_deployment_by_name(deployment).global_concurrency_limit
    assert crashed.state_name == "Crashed"
    assert limit is not None
    assert limit.active_slots == 0


def deploy_killable(directory: Path) -> Fuse:
    """Deploy `KILLABLE`: the backup, in processes that do what the fuse in `directory`, their PREFECT_HOME, says."""
    with client() as api:
        like = api.read_deployment_by_name("backup/backup")
        api.create_deployment(
            like.flow_id,
            "killable",
            work_pool_name="proofkeep",
            work_queue_name=QUEUE,
            entrypoint="tests.flows.killable.backup",
            pull_steps=[{"prefect.deployments.steps.set_working_directory": {"directory": str(ROOT)}}],
            concurrency_limit=1,
        )
    return Fuse(directory)
