"""A Prefect server with UI and API on loopback, SQLite below it, telemetry off."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from infra.servers.https import answers
from infra.servers.ports import LOOPBACK, free_port
from infra.servers.process import ServerProcess, clean_environment


@dataclass
class PrefectServer:
    """Start and stop a server whose database, settings and log lie in `directory`.

    `ca_path` is whom it trusts when it sends notifications, and whom its clients trust; without it, the system's store.
    `database_url` is another database than SQLite; `settings` are further ones of the server's process alone.
    """

    directory: Path
    port: int = field(default_factory=free_port)
    ca_path: Path | None = None
    database_url: str | None = None
    settings: Mapping[str, str] = field(default_factory=dict)
    process: ServerProcess = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.process = ServerProcess(
            name="prefect server",
            command=[
                sys.executable,
                "-m",
                "prefect",
                "server",
                "start",
                f"--host={LOOPBACK}",
                f"--port={self.port}",
            ],
            log_path=self.directory / "prefect_server.log",
            ready=lambda: answers(f"{self.api_url}/health", below=300),
            environment=clean_environment(
                {
                    # As in an installation: its own process is told of no API, so that links need the UI's address.
                    **{name: value for name, value in self.environment.items() if name != "PREFECT_API_URL"},
                    "PREFECT_UI_URL": self.url,
                    "PREFECT_UI_API_URL": self.api_url,
                    "PREFECT_LOGGING_SERVER_LEVEL": "WARNING",
                    "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": "prefect.server.concurrency.lease_storage.filesystem",
                    **self.settings,
                    **({} if self.ca_path is None else {"SSL_CERT_FILE": str(self.ca_path)}),
                    **({} if (url := self.database_url) is None else {"PREFECT_API_DATABASE_CONNECTION_URL": url}),
                }
            ),
            directory=self.directory,
            start_seconds=120,
        )

    @property
    def url(self) -> str:
        """Where a browser finds the UI."""
        return f"http://{LOOPBACK}:{self.port}"

    @property
    def api_url(self) -> str:
        """Where Prefect clients find the API."""
        return f"{self.url}/api"

    @property
    def environment(self) -> dict[str, str]:
        """What a client process needs to talk to this server and to nobody else."""
        return {
            "PREFECT_HOME": str(self.directory),
            "PREFECT_API_URL": self.api_url,
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "DO_NOT_TRACK": "1",
            # Each client loads this file, 40 ms of work with the 140 CAs of Prefect's own choice.
            **({} if self.ca_path is None else {"PREFECT_API_SSL_CERT_FILE": str(self.ca_path)}),
        }

    def start(self) -> Self:
        """Start and wait until it is healthy. Raises `ServerStartError`."""
        self.process.start()
        return self

    def stop(self) -> None:
        """End the server and the processes it started."""
        self.process.stop()
