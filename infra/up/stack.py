"""The servers, started by the very commands of the units: PostgreSQL, Prefect server, TLS proxy, worker."""

import contextlib
import os
import secrets
import select
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from infra.demo import processes
from infra.servers.https import answers
from infra.servers.local_ca import LocalCa
from infra.servers.ports import LOOPBACK, free_port
from infra.servers.postgres import PostgresCluster
from infra.servers.process import ServerProcess, ServerStartError, clean_environment
from infra.servers.tls_proxy import TlsProxy
from infra.units import INSTALLED, Unit

ROOT = Path(__file__).parents[2]
USER = "proofkeep"
HOST = "localhost"
"""Name of the one host in the inventory, and so of its work queues."""


@dataclass
class Stack:
    """Everything that runs; all of it lies in `directory` but the socket and data of PostgreSQL.

    Args:
        cluster: PostgreSQL's own directory, which belongs to another user where this process is root's.
        extra: variables of the worker and of commands, such as a passphrase's.
    """

    directory: Path
    cluster: Path
    port: int
    extra: Mapping[str, str] = field(default_factory=dict)
    _running: list[ServerProcess] = field(default_factory=list, init=False)

    def __post_init__(self) -> None:
        for name in ("server", "worker/tmp", "logs", "credentials"):
            (self.directory / name).mkdir(mode=0o700, parents=True, exist_ok=True)
        self.upstream = free_port()
        self.ca = LocalCa(self.directory / "ca")
        self.postgres = PostgresCluster(self.cluster, self.directory / "logs" / "postgresql.log")
        self.proxy = TlsProxy(
            self.directory / "proxy", self.ca.issue("server"), self.ca.ca_path, self.upstream, self.port
        )
        self._write_password()

    @property
    def password_file(self) -> Path:
        """`user:password` of the server; the credential that every unit loads."""
        return self.directory / "credentials" / "api-auth"

    @property
    def environment(self) -> dict[str, str]:
        """Of commands that work with this server, as a person at this machine types them."""
        given = self.worker.environment | {"PREFECT_API_AUTH_STRING": self.password_file.read_text().strip()}
        return self._environment(given)

    @property
    def server(self) -> Unit:
        """The server's unit, on this machine."""
        return Unit.read("proofkeep-server.service", self._places)

    @property
    def worker(self) -> Unit:
        """The worker's unit, on this machine."""
        return Unit.read("proofkeep-worker.service", self._places)

    def start_server(self) -> None:
        """Start all but the worker. Raises `ServerStartError`."""
        self._running.append(self.postgres.process)  # which has to end too if making its database is cut
        self.postgres.start()
        url = f"http://{LOOPBACK}:{self.upstream}/api/health"
        trust = {"SSL_CERT_FILE": str(self.ca.ca_path)}  # of whom it notifies, which is this machine alone
        self._start("prefect-server", self.server, lambda: answers(url, below=300), 180, trust)
        self.proxy.start()
        self._running.append(self.proxy.process)

    def start_worker(self) -> None:
        """Reconcile, as the unit does first, and start the worker. Raises `ServerStartError`."""
        environment = self._environment(self.worker.environment)
        lines = self.worker.settings["Service.ExecStartPre"]
        for line, command in zip(lines, self.worker.commands("ExecStartPre", environment), strict=True):
            try:
                self.run(command, environment)
            except ServerStartError as error:
                if not line.startswith("-"):  # systemd's mark of a command that may fail
                    raise
                print(error, file=sys.stderr)
        log = self.directory / "logs" / "worker.log"
        log.unlink(missing_ok=True)
        self._start("worker", self.worker, lambda: log.exists() and "started!" in log.read_text(errors="replace"), 90)

    def run(self, command: list[str], environment: Mapping[str, str] | None = None) -> str:
        """Run a command to its end; what it printed. Raises `ServerStartError` if it fails."""
        done = subprocess.run(
            command,
            cwd=ROOT,
            env=self.environment if environment is None else environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise ServerStartError(f"{' '.join(command)} ended with {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout

    def wait(self) -> str:
        """Wait until one of the servers ends by itself; its name."""
        descriptors = {os.pidfd_open(server.pid): server.name for server in self._running}
        ended, _, _ = select.select(list(descriptors), [], [])
        return descriptors[ended[0]]

    def stop(self) -> None:
        """End everything, flow runs under way too, in the order in which nothing misses what it needs."""
        while self._running:
            server = self._running.pop()
            if server.name == "worker":
                processes.end_all(self.directory, seconds=0, but=self._pids())
            with contextlib.suppress(ServerStartError):
                server.stop()
        processes.end_all(self.directory, seconds=0)

    def _pids(self) -> set[int]:
        return {server.pid for server in self._running}

    def _start(
        self, name: str, unit: Unit, ready: Callable[[], bool], seconds: float, also: Mapping[str, str] = {}
    ) -> None:
        environment = self._environment({**unit.environment, **also})
        (command,) = unit.commands("ExecStart", environment)
        directory = unit.here(unit.settings["Service.WorkingDirectory"][0])
        process = ServerProcess(
            name=name,
            command=command,
            log_path=self.directory / "logs" / f"{name}.log",
            ready=ready,
            environment=environment,
            directory=Path(directory),
            start_seconds=seconds,
            stop_seconds=5,  # saying goodbye takes Prefect half a minute, and PostgreSQL holds what counts
        )
        process.start()
        self._running.append(process)

    def _environment(self, given: Mapping[str, str]) -> dict[str, str]:
        ours = {"CREDENTIALS_DIRECTORY": str(self.password_file.parent), **self.extra}
        return clean_environment({**processes.mark_of(self.directory), **ours, **given})

    @property
    def _places(self) -> dict[str, str]:
        return {
            "4200": str(self.upstream),
            "postgresql+asyncpg://proofkeep@/prefect?host=/run/postgresql": self.postgres.url,
            "https://backup.example": self.proxy.url,
            "backup-1.example": HOST,
            "/etc/proofkeep/tls/ca.pem": str(self.ca.ca_path),
            "/var/log/proofkeep": str(self.directory / "logs"),
            "/var/lib/proofkeep-server": str(self.directory / "server"),
            "/var/lib/proofkeep": str(self.directory / "worker"),
            f"{INSTALLED}/.venv": sys.prefix,
            INSTALLED: str(ROOT),
        }

    def _write_password(self) -> None:
        if not self.password_file.exists():
            descriptor = os.open(self.password_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w") as file:
                file.write(f"{USER}:{secrets.token_urlsafe(24)}\n")
