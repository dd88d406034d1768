"""One server as a child process: started, waited for, stopped by its own process group.

Knows nothing of what the server is; the launchers beside this module say what to run and when it is ready.
"""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

FOREIGN_PREFIXES = ("AWS_", "PREFECT_", "BOTO")
FOREIGN_NAMES = frozenset(
    (
        "AWS_CA_BUNDLE",
        "REQUESTS_CA_BUNDLE",
        "CURL_CA_BUNDLE",
        "SSL_CERT_FILE",
        "SSL_CERT_DIR",
        "PYTHONDONTWRITEBYTECODE",  # no operator's host has it, and each process then compiles what it loads
    )
)

POLL_SECONDS = 0.1
LOG_TAIL_LINES = 20


class ServerStartError(Exception):
    """The server ended or did not answer before its deadline; the message holds the end of its log."""


def clean_environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """This process's environment without foreign CAs, AWS, Prefect or Python settings, with telemetry off."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in FOREIGN_NAMES and not name.startswith(FOREIGN_PREFIXES)
    }
    return kept | {"DO_NOT_TRACK": "1", "PREFECT_SERVER_ANALYTICS_ENABLED": "false"} | dict(extra or {})


@dataclass
class ServerProcess:
    """A child process with a log file and a question that tells when it serves.

    Args:
        ready: true once the server answers; asked again until it does or the deadline passes.
        stop_signal: SIGKILL for servers that take long to say goodbye to data nobody keeps.
        stop_seconds: how long the group has after `stop_signal` before it is killed.
    """

    name: str
    command: Sequence[str | Path]
    log_path: Path
    ready: Callable[[], bool]
    environment: Mapping[str, str] = field(default_factory=clean_environment)
    directory: Path | None = None
    start_seconds: float = 60
    stop_seconds: float = 10
    stop_signal: signal.Signals = signal.SIGTERM
    _child: subprocess.Popen[bytes] | None = field(default=None, init=False, repr=False)

    @property
    def pid(self) -> int:
        """Process id, also the id of the process group and session."""
        if self._child is None:
            message = f"{self.name} is not running"
            raise ServerStartError(message)
        return self._child.pid

    def start(self) -> Self:
        """Start and wait until it serves.

        Raises:
            ServerStartError: it ended first, or `start_seconds` passed; the child is gone either way.
        """
        with self.log_path.open("ab") as log:
            self._child = subprocess.Popen(
                [os.fspath(part) for part in self.command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=dict(self.environment),
                cwd=self.directory,
                start_new_session=True,
            )
        try:
            self._wait_until_ready(self._child)
        except BaseException:
            self.stop()
            raise
        return self

    def _wait_until_ready(self, child: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + self.start_seconds
        while not self.ready():
            if time.monotonic() > deadline:
                message = f"{self.name} did not answer within {self.start_seconds:g} s\n{self._log_tail()}"
                raise ServerStartError(message)
            try:
                status = child.wait(POLL_SECONDS)
            except subprocess.TimeoutExpired:
                continue
            message = f"{self.name} ended with status {status} before it answered\n{self._log_tail()}"
            raise ServerStartError(message)

    def _log_tail(self) -> str:
        lines = self.log_path.read_text(errors="replace").splitlines()
        return "\n".join(lines[-LOG_TAIL_LINES:])

    def stop(self) -> None:
        """End the process group; a second call does nothing."""
        child, self._child = self._child, None
        if child is None:
            return
        signal_group(child.pid, self.stop_signal)
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(self.stop_seconds)
        signal_group(child.pid, signal.SIGKILL)
        child.wait()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()


def signal_group(group: int, number: signal.Signals) -> None:
    """Send a signal to every process of the group; one that is gone already is no error."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, number)
