"""`make up` whole: the units' command lines against PostgreSQL, TLS and a password; a backup; and Ctrl-C."""

import json
import re
import shutil
import signal
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterId
from prefect.client.schemas.objects import State
from prefect.settings import (
    PREFECT_API_AUTH_STRING,
    PREFECT_API_SSL_CERT_FILE,
    PREFECT_API_URL,
    temporary_settings,
)
from prefect.states import Completed, Crashed, Failed, Running

from flows.status import status
from infra.automations.definitions import read_definitions
from infra.database_retention import delete_old_runs
from infra.demo import processes
from infra.servers.process import clean_environment
from infra.units import Unit
from infra.up.__main__ import READY
from infra.up.repository import make_keys
from tests.architecture.tree import ROOT

START_SECONDS = 240
pytestmark = pytest.mark.requires("nginx", "setpriv")


@dataclass(frozen=True)
class Up:
    """A running installation.

    Attributes:
        said: what it printed so far.
    """

    process: subprocess.Popen[str]
    directory: Path
    said: str

    @property
    def url(self) -> str:
        found = re.search(r"https://localhost:\d+", self.said)
        assert found is not None
        return found[0]

    @property
    def environment(self) -> dict[str, str]:
        """As who sources the file that it names."""
        asked = f". {self.directory}/environment && env -0"
        clean = clean_environment()
        told = subprocess.run(["sh", "-c", asked], env=clean, capture_output=True, text=True, check=True).stdout
        pairs = (line.partition("=") for line in told.split("\0") if line)
        return {name: value for name, _, value in pairs}

    def command(self, *words: str) -> subprocess.CompletedProcess[str]:
        program, *arguments = words
        return subprocess.run(
            [Path(sys.executable).with_name(program), *arguments],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=200,
        )

    def status(self, path: str, password: str | None) -> int:
        """Status of a GET, over TLS that trusts this installation's CA alone."""
        context = ssl.create_default_context(cafile=str(self.directory / "ca" / "ca.pem"))
        request = urllib.request.Request(f"{self.url}{path}")  # noqa: S310 - https, see `url`
        if password is not None:
            request.add_header("Authorization", f"Basic {b64encode(password.encode()).decode()}")
        try:
            with urllib.request.urlopen(request, context=context, timeout=20) as answer:  # noqa: S310 - as above
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code


@pytest.fixture(scope="module")
def up() -> Iterator[Up]:
    """Runs for the module, where a first start was cut in initdb and in init; PostgreSQL's user can get there."""
    directory = Path(tempfile.mkdtemp(prefix="pk-up-", dir="/var/tmp"))
    (directory / "postgresql" / "data.making" / "base").mkdir(parents=True)
    make_keys(directory / "repository")
    (directory / "repository" / "packs").mkdir()
    process = subprocess.Popen(
        [sys.executable, "-m", "infra.up", "--port", "0", "--state", directory, "--source", ROOT / "docs"],
        cwd=ROOT,
        env=clean_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    said = ""
    deadline = time.monotonic() + START_SECONDS
    assert process.stdout is not None
    for line in process.stdout:
        said += line
        assert time.monotonic() < deadline, said
        if READY in line:
            break
    yield Up(process, directory, said)
    process.send_signal(signal.SIGINT)
    process.wait(120)
    process.stdout.close()
    left = processes.running(directory)
    shutil.rmtree(directory)
    assert left == []


def test_everything_starts(up: Up) -> None:
    assert READY in up.said, up.said
    assert up.process.poll() is None


def test_nobody_without_the_password_gets_in(up: Up) -> None:
    password = (up.directory / "credentials" / "api-auth").read_text().strip()

    assert up.status("/api/flows/count", None) in {401, 405}
    assert up.status("/api/deployments/name/backup/tried", None) == 401
    assert up.status("/api/deployments/name/backup/tried", "proofkeep:wrong") == 401
    assert up.status("/api/deployments/name/backup/tried", password) == 200
    assert password not in up.said
    for log in (up.directory / "logs").iterdir():
        assert password.partition(":")[2] not in log.read_text(errors="replace"), log.name


def test_old_tls_is_refused(up: Up) -> None:
    context = ssl.create_default_context(cafile=str(up.directory / "ca" / "ca.pem"))
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("ECDHE+CHACHA20:AES128-SHA256:@SECLEVEL=0")

    with pytest.raises((urllib.error.URLError, ssl.SSLError), match=r"(?i)handshake|ssl"):
        urllib.request.urlopen(f"{up.url}/api/health", context=context, timeout=20)  # noqa: S310 - https


def test_server_keeps_everything_in_postgresql(up: Up) -> None:
    assert list((up.directory / "server").rglob("*.db")) == []
    socket = up.directory / "postgresql"
    asked = ["psql", f"--host={socket}", "--tuples-only", "--command=select count(*) from deployment", "prefect"]

    count = subprocess.run(asked, capture_output=True, text=True, check=True).stdout

    assert int(count) >= 7


def test_backup_runs_on_the_worker_and_leaves_its_events(up: Up) -> None:
    done = up.command("prefect", "deployment", "run", "backup/tried", "--watch")

    assert "Flow run finished successfully in 'Completed'." in done.stdout + done.stderr, done.stdout + done.stderr
    events = [json.loads(line) for line in (up.directory / "logs" / "events.jsonl").read_text().splitlines()]
    assert any(event["event"] == "snapshot-commit" for event in events)


def test_plan_finds_nothing_to_do(up: Up) -> None:
    done = up.command("proofkeep", "plan", str(up.directory / "inventory.yaml"))

    assert (done.returncode, done.stdout) == (0, "nothing to be made\n")


def test_failed_run_notifies_the_terminal(up: Up, api: SyncPrefectClient) -> None:
    automations = {automation.name for automation in api.read_automations() if automation.enabled}
    run = api.create_flow_run(status, parameters={}, name="tried", state=Running(), tags=["proofkeep"])
    api.set_flow_run_state(run.id, Failed(), force=True)

    assert up.process.stdout is not None
    lines = iter(up.process.stdout.readline, "")  # a schedule's run may be told too
    line = next(line for line in lines if str(run.id) in line)  # the test's time limit ends a wait for nothing

    assert automations == {definition.name for definition in read_definitions()}
    assert line == f"up: notified   proofkeep: status tried ended Failed: {up.url}/runs/flow-run/{run.id}\n"


def test_server_logs_no_error(up: Up) -> None:
    lines = (up.directory / "logs" / "prefect-server.log").read_text().splitlines()

    assert [line for line in lines if "| ERROR" in line or "Traceback" in line] == []


@pytest.mark.parametrize(
    "unit,words",
    [
        ("proofkeep-database-retention.service", "0 flow runs older than 90 days deleted\n"),
        ("proofkeep-reconcile.service", "nothing to reconcile\n"),
    ],
)
def test_service_of_a_timer_runs_as_its_unit_says(unit: str, words: str, up: Up) -> None:
    (command,) = Unit.read(unit, {"/opt/proofkeep/.venv": sys.prefix}).commands("ExecStart", {})
    environment: dict[str, Any] = {**up.environment, "CREDENTIALS_DIRECTORY": str(up.directory / "credentials")}
    environment.pop("PREFECT_API_AUTH_STRING")

    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout) == (0, words), done.stderr


@pytest.fixture
def api(up: Up) -> Iterator[SyncPrefectClient]:
    """A client of this installation's server."""
    given = up.environment
    settings = {
        PREFECT_API_URL: given["PREFECT_API_URL"],
        PREFECT_API_AUTH_STRING: given["PREFECT_API_AUTH_STRING"],
        PREFECT_API_SSL_CERT_FILE: given["PREFECT_API_SSL_CERT_FILE"],
    }
    with temporary_settings(settings), get_client(sync_client=True) as client:
        yield client


def test_old_runs_go_but_the_newest_and_what_is_under_way(api: SyncPrefectClient) -> None:
    deployment = api.create_deployment(api.create_flow_from_name("kept"), "kept", entrypoint="nowhere.kept")
    states: list[State[Any]] = [Completed(), Failed(), Completed(), Failed(), Crashed(), Running()]
    made: list[UUID] = []
    for state in states:
        run = api.create_flow_run_from_deployment(deployment)
        api.set_flow_run_state(run.id, Running(), force=True)
        api.set_flow_run_state(run.id, state, force=True)
        made.append(run.id)
    _, _, newest_completed, _, newest_ended, under_way = made
    now = datetime.now(UTC)

    assert delete_old_runs(api, now - timedelta(days=90)) == 0
    assert delete_old_runs(api, now + timedelta(minutes=1)) >= 3
    assert delete_old_runs(api, now + timedelta(minutes=1)) == 0

    mine = DeploymentFilter(id=DeploymentFilterId(any_=[deployment]))
    left = {run.id for run in api.read_flow_runs(deployment_filter=mine)}
    assert left == {newest_completed, newest_ended, under_way}


def test_start_that_fails_says_why_and_leaves_nothing(tmp_path: Path) -> None:
    long = tmp_path / ("x" * 100)

    ended = subprocess.run(
        [sys.executable, "-m", "infra.up", "--port", "0", "--state", long],
        cwd=ROOT,
        env=clean_environment(),
        capture_output=True,
        text=True,
        check=False,
    )

    assert ended.returncode == 1
    assert "is too long for the address of a socket" in ended.stdout
    assert "Traceback" not in ended.stderr
    assert processes.running(long) == []


def test_files_of_the_installation_are_its_owners_alone(up: Up) -> None:
    open_to_others = [
        path
        for path in up.directory.rglob("*")
        if not path.is_symlink() and path.is_file() and path.stat().st_mode & 0o077
        if "postgresql" not in path.parts and path.suffix not in {".pub", ".pem"}
    ]

    assert open_to_others == []
    assert (up.directory / "credentials" / "api-auth").stat().st_mode & 0o777 == 0o600
