"""A process worker as its unit runs it, which tests may kill."""

import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

from infra.servers.process import ServerProcess
from proofkeep.inventory import control_queue


class Worker:
    """Starts when `ensure` is called for the first time.

    Attributes:
        works: whether it was started and not ended.

    Args:
        queue: its host's name: the two queues of that host are the only ones it takes runs from.
        directory: where it runs, outside the checkout.
        log: what it and the processes of its runs print, since it was last started.
    """

    def __init__(self, queue: str, directory: Path, log: Path, environment: Mapping[str, str]) -> None:
        self._log = log
        queues = ["--work-queue", queue, "--work-queue", control_queue(queue)]
        self._process = ServerProcess(
            name="prefect worker",
            command=[sys.executable, "-m", "prefect", "worker", "start", "--pool", "proofkeep", *queues],
            log_path=log,
            ready=lambda: self.says("started!"),
            environment=environment,
            directory=directory,
        )
        self.works = False

    def ensure(self) -> None:
        """Start it unless it works."""
        if not self.works:
            self._log.unlink(missing_ok=True)
            self._process.start()
            self.works = True

    def says(self, *words: str) -> bool:
        """Whether a line of its log holds all of these."""
        return self.count(*words) > 0

    def count(self, *words: str) -> int:
        """How many lines of its log hold all of these."""
        lines = self._log.read_text(errors="replace").splitlines()
        return sum(all(word in line for word in words) for line in lines)

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def kill(self) -> None:
        """SIGKILL it; processes of its runs live on, each in a session of its own."""
        os.kill(self._process.pid, signal.SIGKILL)
        self.stop()

    def stop(self) -> None:
        """End it politely."""
        self._process.stop()
        self.works = False
