"""The Prefect server of tests/flows, as flows in this process and a worker beside it see it; it ends with them."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from prefect.client.schemas.objects import FlowRun
from prefect.logging.handlers import APILogHandler
from prefect.settings import (
    PREFECT_API_SSL_CERT_FILE,
    PREFECT_API_URL,
    PREFECT_LOCAL_STORAGE_PATH,
    PREFECT_LOGGING_TO_API_ENABLED,
    temporary_settings,
)

from blocks import BLOCK_TYPES
from flows import logs
from flows.reconcile import reconcile
from infra.demo import database
from infra.register_blocks import register_types
from infra.servers.postgres import PostgresCluster
from infra.servers.prefect_server import PrefectServer
from infra.servers.process import clean_environment
from infra.servers.seaweedfs import ADMIN, SeaweedFs, ambient_credentials
from infra.units import Unit
from proofkeep.drill.plan import SHARED_MEMORY
from tests.architecture.tree import ROOT
from tests.flows.gatekeeper import Gatekeeper
from tests.flows.house import House
from tests.flows.running import client
from tests.flows.worker import Worker
from tests.servers.pki import Pki
from tests.servers.s3_client import s3_client

QUEUE = "this-host"
WORKER = Unit.read("proofkeep-worker.service")
IMPATIENT = {"PREFECT_SERVER_CONCURRENCY_MAXIMUM_CONCURRENCY_SLOT_WAIT_SECONDS": "1"}
"""Who waits for a slot of a limit is told to ask again in about a second, instead of in about thirty."""


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

    def told(self, run: FlowRun, event: str) -> list[dict[str, Any]]:
        """Events of one kind that a run's process or its worker has told so far."""
        lines = self.events.read_text().splitlines() if self.events.exists() else []
        found = [json.loads(line) for line in lines]
        return [each for each in found if each["event"] == event and each.get("flow_run_id") == str(run.id)]

    def command(self, *words: str) -> subprocess.CompletedProcess[str]:
        """A command of this installation, run in the checkout with the settings of this host."""
        program, *arguments = words
        return subprocess.run(
            [Path(sys.executable).with_name(program), *arguments],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )


def side_of(server: PrefectServer) -> PrefectSide:
    """What a server and the processes that talk to it write to."""
    directory = server.directory
    environment = {
        **server.environment,
        **ambient_credentials(ADMIN),
        "PREFECT_LOCAL_STORAGE_PATH": str(directory / "results"),
        **{name: value for name, value in WORKER.environment.items() if name.startswith("PREFECT_CLIENT_")},
        "PREFECT_WORKER_QUERY_SECONDS": "1",
        "PROOFKEEP_EVENT_LOG": str(directory / "events.jsonl"),
        "PROOFKEEP_HOST": QUEUE,
        "PWD": str(ROOT),
    }
    return PrefectSide(
        clean_environment(environment),
        directory,
        directory / "results",
        directory / "events.jsonl",
        directory / "worker.log",
    )


@contextmanager
def pointed_at(server: PrefectServer) -> Iterator[PrefectSide]:
    """Flows and clients of this process talk to that server, with block types registered."""
    side = side_of(server)
    settings = {
        PREFECT_API_URL: server.api_url,
        PREFECT_API_SSL_CERT_FILE: None if server.ca_path is None else str(server.ca_path),
        PREFECT_LOCAL_STORAGE_PATH: side.results,
        PREFECT_LOGGING_TO_API_ENABLED: True,
    }
    with pytest.MonkeyPatch.context() as patch, temporary_settings(settings):
        patch.setenv(logs.EVENT_LOG, str(side.events))
        for kind in BLOCK_TYPES:  # another server knows them by other ids
            patch.setattr(kind, "_block_type_id", None)
            patch.setattr(kind, "_block_schema_id", None)
        register_types()
        yield side
        APILogHandler().flush()


def deploy(side: PrefectSide) -> PrefectSide:
    """Deploy `prefect.yaml`, by the commands that the documentation names; no schedule of it counts, at any hour."""
    for command in (["work-pool", "create", "proofkeep", "--type", "process"], ["--no-prompt", "deploy", "--all"]):
        side.command("prefect", *command).check_returncode()
    with client() as api:
        for deployment in api.read_deployments():
            api.pause_deployment(deployment.id)
    return side


@pytest.fixture(scope="package")
def postgres(servers_directory: Path) -> Iterator[PostgresCluster | None]:
    """A cluster for the Prefect server of these tests, beside the other directories: its user may not enter those.

    None where PostgreSQL is not installed, which under CI=true has stopped the run already.
    """
    if not PostgresCluster.is_installed():
        yield None
        return
    place = Path(tempfile.mkdtemp(prefix="proofkeep-", dir="/var/tmp"))
    place.chmod(0o711)
    log = servers_directory / "postgres.log"
    cluster = PostgresCluster(place / "pg", log, ("fsync=off", "synchronous_commit=off")).start()
    yield cluster
    cluster.stop()
    shutil.rmtree(place)


@pytest.fixture(scope="package")
def prefect_server(servers_directory: Path, pki: Pki, postgres: PostgresCluster | None) -> Iterator[PrefectServer]:
    """A Prefect server for all of these tests, on PostgreSQL as in an installation; on SQLite where there is none.

    Its notifications trust the tests' CA.
    """
    url = None if postgres is None else postgres.url
    server = PrefectServer(servers_directory / "prefect", ca_path=pki.ca_path, database_url=url, settings=IMPATIENT)
    if postgres is None:
        database.place(server.directory)
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="package")
def prefect(prefect_server: PrefectServer) -> Iterator[PrefectSide]:
    """The session's server, which flows of this process are pointed at."""
    with pointed_at(prefect_server) as side:
        yield side


@pytest.fixture(scope="package")
def deployed(prefect: PrefectSide) -> PrefectSide:
    """`prefect.yaml` deployed."""
    return deploy(prefect)


@pytest.fixture(scope="package")
def worker_of_the_session(deployed: PrefectSide) -> Iterator[Worker]:
    """A process worker for this host's queue."""
    worker = Worker(QUEUE, deployed.directory, deployed.worker_log, deployed.environment)
    yield worker
    worker.stop()


@pytest.fixture
def worker(worker_of_the_session: Worker) -> Worker:
    """The session's worker, at work; if an earlier test killed it, what its unit does comes first."""
    if not worker_of_the_session.works:
        reconcile()
    worker_of_the_session.ensure()
    return worker_of_the_session


@pytest.fixture
def gate(seaweedfs: SeaweedFs, pki: Pki) -> Iterator[Gatekeeper]:
    """The way to the S3 server for who is to be watched or held on it."""
    with Gatekeeper(seaweedfs.url, pki) as keeper:
        yield keeper


@pytest.fixture
def s3_house(
    gate: Gatekeeper,
    seaweedfs: SeaweedFs,
    pki: Pki,
    make_house: Callable[..., House],
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[House]:
    """A house whose packs and ledger, in two buckets, are reached through the gate alone."""
    admin = seaweedfs.admin
    for variable, value in ambient_credentials(admin).items():
        monkeypatch.setenv(variable, value)
    api = s3_client(seaweedfs.url, seaweedfs.region, admin.access_key, admin.secret_key, pki.ca_path)
    name = os.urandom(4).hex()
    place = {"kind": "s3", "region": seaweedfs.region, "endpoint_url": gate.url}
    buckets = {kind: f"flows-{kind}-{name}" for kind in ("packs", "ledger")}
    for bucket in buckets.values():
        api.create_bucket(Bucket=bucket)
    house = make_house(
        store=place | {"bucket": buckets["packs"]},
        ledger=place | {"bucket": buckets["ledger"]},
        tls={"ca_file": str(pki.ca_path)},
    )
    gate.uploads.clear()  # those with which the store was probed
    yield house
    for bucket in buckets.values():  # each takes seven of the server's volumes
        api.delete_bucket(Bucket=bucket)


@pytest.fixture
def memory() -> Iterator[Path]:
    """A directory on a tmpfs, in which drills of this test work."""
    place = Path(tempfile.mkdtemp(prefix="proofkeep-test-", dir=SHARED_MEMORY))
    yield place
    shutil.rmtree(place)


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


@pytest.fixture(scope="module")
def shared_house(prefect: PrefectSide, tmp_path_factory: pytest.TempPathFactory) -> House:
    """A house for all tests of a module, which leave it as they find it."""
    assert prefect.directory.is_dir()
    return House(tmp_path_factory.mktemp("house") / "house")
