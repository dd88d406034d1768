"""The session's Prefect server as flows in this process and a worker beside it see it."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from prefect.logging.handlers import APILogHandler
from prefect.settings import (
    PREFECT_API_URL,
    PREFECT_LOCAL_STORAGE_PATH,
    PREFECT_LOGGING_TO_API_ENABLED,
    temporary_settings,
)

from flows import logs
from infra.register_blocks import register_types
from infra.servers.prefect_server import PrefectServer
from infra.servers.process import ServerProcess, clean_environment
from infra.servers.seaweedfs import ADMIN, ambient_credentials
from tests.architecture.tree import ROOT
from tests.flows.house import House

QUEUE = "this-host"


@dataclass(frozen=True)
class PrefectSide:
    """Everything that Prefect writes to.

    Attributes:
        environment: of processes that talk to the server.
        directory: holds the server's database, results, the events of all runs and the worker's log.
    """

    environment: dict[str, str]
    directory: Path
    results: Path
    events: Path
    worker_log: Path


@pytest.fixture(scope="session")
def prefect(prefect_server: PrefectServer) -> Iterator[PrefectSide]:
    """The server, with block types registered and flows of this process pointed at it."""
    directory = prefect_server.directory
    side = PrefectSide(
        clean_environment(
            {
                **prefect_server.environment,
                **ambient_credentials(ADMIN),
                "PREFECT_LOCAL_STORAGE_PATH": str(directory / "results"),
                "PREFECT_WORKER_QUERY_SECONDS": "1",
                "PROOFKEEP_EVENT_LOG": str(directory / "events.jsonl"),
                "PROOFKEEP_HOST": QUEUE,
                "PWD": str(ROOT),
            }
        ),
        directory,
        directory / "results",
        directory / "events.jsonl",
        directory / "worker.log",
    )
    settings = {
        PREFECT_API_URL: prefect_server.api_url,
        PREFECT_LOCAL_STORAGE_PATH: side.results,
        PREFECT_LOGGING_TO_API_ENABLED: True,
    }
    with pytest.MonkeyPatch.context() as patch, temporary_settings(settings):
        patch.setenv(logs.EVENT_LOG, str(side.events))
        register_types()
        yield side
        APILogHandler().flush()


@pytest.fixture(scope="session")
def deployed(prefect: PrefectSide) -> PrefectSide:
    """`prefect.yaml` deployed, by the commands that the documentation names."""
    for command in (["work-pool", "create", "proofkeep", "--type", "process"], ["--no-prompt", "deploy", "--all"]):
        subprocess.run(
            [sys.executable, "-m", "prefect", *command], cwd=ROOT, env=prefect.environment, check=True, timeout=120
        )
    return prefect


@pytest.fixture(scope="session")
def worker(deployed: PrefectSide) -> Iterator[ServerProcess]:
    """A process worker for this host's queue."""
    command = [sys.executable, "-m", "prefect", "worker", "start", "--pool", "proofkeep", "--work-queue", QUEUE]
    process = ServerProcess(
        name="prefect worker",
        command=command,
        log_path=deployed.worker_log,
        ready=lambda: "started!" in deployed.worker_log.read_text(errors="replace"),
        environment=deployed.environment,
        directory=deployed.directory,
    )
    process.start()
    yield process
    process.stop()


@pytest.fixture
def make_house(prefect: PrefectSide, tmp_path: Path) -> Callable[..., House]:
    """Make a house below this test's directory."""
    assert prefect.directory.is_dir()

    def make(**fields: Any) -> House:
        return House(tmp_path / f"house-{os.urandom(2).hex()}", **fields)

    return make


@pytest.fixture
def house(make_house: Callable[..., House]) -> House:
    """A house with local stores."""
    return make_house()
