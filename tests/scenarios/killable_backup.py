"""One backup of a ground's host in a process of its own, which kills itself at a step.

    KILL_AT="put packs/ 2" python -m tests.scenarios.killable_backup GROUND RUN

The step is an operation, the beginning of its object's name if it has one, and which of them it is, from 1. The process
dies by SIGKILL just before it: no handler runs, no file is closed. With KILL_BY=SIGSTOP it stands still there.
"""

import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.building import Ground, Host, small_frames
from tests.decorating import WatchedStore, watched_host

SPOOL_LIMIT = 400_000


class Killer:
    """Around every step of stores and host state."""

    def __init__(self, step: str) -> None:
        self.operation, *name, count = step.split()
        self.name = "".join(name)
        self.left = int(count)
        self.signal = signal.Signals[os.environ.get("KILL_BY", "SIGKILL")]
        self._lock = threading.Lock()

    def __call__(self, operation: str, name: str, call: Callable[[], Any]) -> Any:
        if operation == self.operation and name.startswith(self.name):
            with self._lock:
                self.left -= 1
                if self.left == 0:
                    os.kill(os.getpid(), self.signal)
        return call()


def main(root: str, run: str) -> None:
    killer = Killer(os.environ["KILL_AT"])
    ground = Ground(Path(root))
    stores = {name: WatchedStore(getattr(ground, name), killer) for name in ("store", "ledger")}
    with watched_host(killer), small_frames():
        Host(ground).run(bytes.fromhex(run), repository=ground.connect(**stores), spool_limit=SPOOL_LIMIT)


if __name__ == "__main__":
    main(*sys.argv[1:])
