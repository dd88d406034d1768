"""A private PostgreSQL cluster of Debian's binaries: a Unix socket, peer authentication, no password, no TCP.

PostgreSQL refuses to run as root; there it runs as Debian's user `postgres`, who then owns the directory and needs a
way through the directories above it. Peer authentication lets this process's user in, and root.
"""

import getpass
import os
import pwd
import shutil
import signal
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from infra.servers.process import ServerProcess, ServerStartError

BINARIES = Path("/usr/lib/postgresql")
SERVICE_USER = "postgres"
SOCKET_LIMIT = 90
"""Bytes of the directory's path: a socket's address holds 107, and the socket's name is in it."""


@dataclass
class PostgresCluster:
    """Start and stop a cluster that lies in `directory`, made at its first start.

    Args:
        settings: further ones, such as `fsync=off` for a cluster whose data nobody will miss.
    """

    directory: Path
    log_path: Path
    settings: Sequence[str] = ()
    process: ServerProcess = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if len(os.fsencode(self.directory)) > SOCKET_LIMIT:
            raise ServerStartError(f"directory {self.directory} is too long for the address of a socket")
        self.process = ServerProcess(
            name="postgresql",
            command=[
                *self._as_server,
                self._program("postgres"),
                f"-D{self._data}",
                "-clisten_addresses=",
                f"-cunix_socket_directories={self.directory}",
                "-cmax_connections=200",
                *(f"-c{setting}" for setting in self.settings),
            ],
            log_path=self.log_path,
            ready=self._answers,
            stop_signal=signal.SIGINT,  # a fast shutdown: sessions are ended, nothing is lost
            stop_seconds=30,
        )

    @property
    def url(self) -> str:
        """Connection URL of the database `prefect`, as Prefect takes it."""
        return f"postgresql+asyncpg://{getpass.getuser()}@/prefect?host={self.directory}"

    def start(self) -> Self:
        """Make the cluster and its database where they are not there yet, and serve. Raises `ServerStartError`."""
        if not self._data.exists():
            self._make()
        self.process.start()
        if not self._has_database():
            self._run([self._program("createdb"), f"--host={self.directory}", "prefect"])
        return self

    def stop(self) -> None:
        """End it."""
        self.process.stop()

    def dump(self, file: Path) -> None:
        """Write everything that the database `prefect` holds into `file`, as text. Raises `ServerStartError`."""
        host = f"--host={self.directory}"
        self._run([self._program("pg_dump"), host, f"--file={file}", "prefect"])

    @staticmethod
    def is_installed() -> bool:
        """Whether PostgreSQL is on this machine, with a user that it may run as."""
        try:
            PostgresCluster._program("postgres")
            if os.geteuid() == 0:
                PostgresCluster._service_user()
        except ServerStartError:
            return False
        return True

    @property
    def _data(self) -> Path:
        return self.directory / "data"

    @property
    def _as_server(self) -> list[str]:
        """What stands before a command that must not run as root."""
        if os.geteuid() != 0:
            return []
        user = f"--reuid={SERVICE_USER}", f"--regid={SERVICE_USER}", "--init-groups"
        return ["setpriv", *user, "--"]

    def _make(self) -> None:
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        if os.geteuid() == 0:
            owner = self._service_user()
            os.chown(self.directory, owner.pw_uid, owner.pw_gid)
        me = f"--username={getpass.getuser()}"
        how = ("--auth-local=peer", "--auth-host=reject", "--encoding=UTF8", "--locale=C.UTF-8")
        making = self.directory / "data.making"
        shutil.rmtree(making, ignore_errors=True)  # of an initdb that was killed
        self._run([*self._as_server, self._program("initdb"), f"--pgdata={making}", me, *how])
        making.rename(self._data)

    @staticmethod
    def _service_user() -> pwd.struct_passwd:
        try:
            return pwd.getpwnam(SERVICE_USER)
        except KeyError:
            raise ServerStartError(f"user {SERVICE_USER} does not exist, whom the package postgresql makes") from None

    def _answers(self) -> bool:
        asked: list[str | Path] = [self._program("pg_isready"), "--quiet", f"--host={self.directory}"]
        return subprocess.run(asked, check=False).returncode == 0

    def _has_database(self) -> bool:
        asked: list[str | Path] = [self._program("psql"), f"--host={self.directory}", "--command=select", "prefect"]
        return subprocess.run(asked, check=False, capture_output=True, cwd="/").returncode == 0

    def _run(self, command: Sequence[str | Path]) -> None:
        with self.log_path.open("ab") as log:
            done = subprocess.run(command, stdout=log, stderr=subprocess.STDOUT, check=False, cwd="/")
        if done.returncode:
            raise ServerStartError(f"{Path(command[-1]).name} failed, see {self.log_path}")

    @staticmethod
    def _program(name: str) -> Path:
        """Debian keeps a directory of binaries for each major version: the newest."""
        found = sorted(BINARIES.glob(f"*/bin/{name}"), key=lambda path: int(path.parts[-3]))
        if found:
            return found[-1]
        elsewhere = shutil.which(name)
        if elsewhere is None:
            raise ServerStartError(f"{name} is not installed (Debian 12, as root: apt-get install -y postgresql)")
        return Path(elsewhere)
