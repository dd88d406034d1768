"""One backup of a remote ground's host in a process of its own, which stands still at the first step of a kind.

    PLACE='{"url": ...}' STOP_AT="put packs" python -m tests.faults.stoppable_backup GROUND RUN MINUTE

It stops itself by SIGSTOP just before the step: every thread stands still and keeps its locks and connections until
somebody sends SIGCONT. A step more than `tests.steps` knows is `half packs`, when half of a pack has been sent. Its
instants begin MINUTE minutes after those of the ground; each step is told to a log, and how it ended to its output. So
is that it waits for its turn to commit.
"""

import itertools
import json
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TypeVar

from proofkeep import events
from proofkeep.backup.underway import WAITS
from proofkeep.errors import ProofkeepError
from tests.building import START_NS, STEP_NS, Ground, Host, small_frames
from tests.decorating import WatchedStore, watched_host
from tests.faults.halfway import halfway
from tests.faults.remote import Place
from tests.faults.surviving import Ended
from tests.steps import kind

T = TypeVar("T")

HALF = "half packs"
_MINUTE_NS = 60 * 10**9


def instants(minute: int) -> Iterator[int]:
    """Those of a ground in which so many minutes have passed."""
    return itertools.count(START_NS + minute * _MINUTE_NS, STEP_NS)


def log_of(root: Path, run: bytes) -> Path:
    """Where a run on the ground at `root` tells its steps."""
    return root / f"{run.hex()}.steps"


class Stopper:
    """Around every step of stores and host state."""

    def __init__(self, wanted: str, log: Path) -> None:
        self._wanted = wanted
        self._log = log
        self._lock = threading.Lock()

    def __call__(self, operation: str, name: str, call: Callable[[], T]) -> T:
        self.reach(f"{operation} {name}")
        return call()

    def reach(self, step: str) -> None:
        """Tell it, and stand still if it is the first of the wanted kind."""
        with self._lock, self._log.open("a") as log:
            log.write(f"{step}\n")
            log.flush()
            if kind(step) == self._wanted:
                self._wanted = ""
                os.kill(os.getpid(), signal.SIGSTOP)

    def progress(self, step: str, **_: int) -> None:
        """Tell that its turn has not come."""
        if step == WAITS:
            self.reach(WAITS)


def main(root: str, run: str, minute: str) -> None:
    events.listen(heard=False)
    stopper = Stopper(os.environ["STOP_AT"], log_of(Path(root), bytes.fromhex(run)))
    ground = Ground(Path(root), _instants=instants(int(minute)))
    place = Place(**json.loads(os.environ["PLACE"]))
    store, ledger = (WatchedStore(each, stopper) for each in place.stores())
    with watched_host(stopper), small_frames(), halfway(lambda name: stopper.reach(f"half {name}")):
        try:
            repository = ground.connect(store=store, ledger=ledger)
            made = Host(ground).run(bytes.fromhex(run), repository=repository, progress=stopper.progress)
            ended = Ended(made.snapshot)
        except ProofkeepError as error:
            ended = Ended(code=error.code)
    json.dump(asdict(ended), sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])
