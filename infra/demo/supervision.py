"""The supervisor seen from outside: launch it, learn when its servers answer, end it."""

import contextlib
import json
import subprocess
import sys
from dataclasses import dataclass, field
from typing import Any, Self

from infra.demo import processes
from infra.demo.failure import DemoError
from infra.demo.ground import Ground
from infra.demo.supervisor import FAILED
from infra.servers.process import LOG_TAIL_LINES, clean_environment

STOP_SECONDS = 20.0
ORPHAN_SECONDS = 1.0  # of servers whose supervisor was killed


@dataclass
class Supervision:
    """A supervisor that was just launched, in a session of its own: it outlives this process."""

    ground: Ground
    ui_port: int
    _child: subprocess.Popen[bytes] = field(init=False, repr=False)
    _told: dict[str, dict[str, Any]] = field(default_factory=dict, init=False, repr=False)

    @property
    def _log(self) -> Any:
        return self.ground.logs / "supervisor.log"

    def launch(self) -> Self:
        """Start it; returns at once."""
        with self._log.open("ab") as log:
            self._child = subprocess.Popen(
                [sys.executable, "-m", "infra.demo.supervisor", str(self.ground.directory), str(self.ui_port)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                env=clean_environment(processes.mark_of(self.ground.directory)),
                start_new_session=True,
            )
        return self

    def facts(self, server: str) -> dict[str, Any]:
        """What clients of a server need, once it answers.

        Raises:
            DemoError: it did not start; the message holds the end of its log.
        """
        while server not in self._told:
            line = self._child.stdout.readline() if self._child.stdout else b""
            if not line:
                raise DemoError(f"the servers ended before they answered\n{self._log_tail()}")
            self._told |= json.loads(line)
            if FAILED in self._told:
                raise DemoError(self._told[FAILED]["message"])
        return self._told[server]

    def _log_tail(self) -> str:
        return "\n".join(self._log.read_text(errors="replace").splitlines()[-LOG_TAIL_LINES:])


def is_running(ground: Ground) -> bool:
    """Whether the supervisor that the pid file names runs and is this demo's."""
    pid = _written_pid(ground)
    if pid is None:
        return False
    with processes.opened(pid, ground.directory) as process:
        return process is not None


def stop(ground: Ground) -> int:
    """End supervisor and servers, whichever of them still run; returns how many processes that were."""
    ended = 0
    pid = _written_pid(ground)
    if pid is not None:
        ended += processes.end(pid, ground.directory, seconds=STOP_SECONDS)
    ended += len(processes.end_all(ground.directory, seconds=ORPHAN_SECONDS))
    ground.pid_file.unlink(missing_ok=True)
    return ended


def _written_pid(ground: Ground) -> int | None:
    with contextlib.suppress(OSError, ValueError):
        return int(ground.pid_file.read_text())
    return None
