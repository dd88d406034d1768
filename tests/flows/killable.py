"""The flow `backup` in a process that kills itself at the step that a file names; Prefect finds the flow here.

The file lies in the process's PREFECT_HOME: the step's number, from 1, and the ids of processes that die with it. It is
gone before they are, so that a retry lives. Every step is told to a log beside it, the deadly one before it is taken.
"""

import json
import os
import signal
import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, TypeVar
from unittest.mock import patch

from flows.backup import backup
from proofkeep.configuration import Configuration
from proofkeep.ports import ObjectStore
from tests.decorating import WatchedStore, watched_host

__all__ = ["backup"]

T = TypeVar("T")

_for_ever = ExitStack()
"""Holds the patches: a context manager that nobody refers to is left when it is collected."""


class Fuse:
    """Lies in a directory; `set` by the test, burnt by the flow run's process."""

    def __init__(self, home: Path) -> None:
        self._file = home / "fuse.json"
        self._log = home / "fuse.log"

    def set(self, step: int, also: Sequence[int] = ()) -> None:
        """The next process dies at this step, together with those."""
        self._log.unlink(missing_ok=True)
        self._file.write_text(json.dumps([step, *also]))

    @property
    def is_set(self) -> bool:
        """Whether nobody has died of it yet."""
        return self._file.exists()

    def steps(self) -> list[str]:
        """What was begun since it was set."""
        return self._log.read_text().splitlines() if self._log.exists() else []

    def burn(self) -> None:
        """Instrument this process, if it is set."""
        if self.is_set:
            step, *also = json.loads(self._file.read_text())
            _instrument(_Killer(self, step, also))

    def go_off(self, also: Sequence[int]) -> None:
        """Kill, leaving no time for anything."""
        self._file.unlink()
        for process in (*also, os.getpid()):
            os.kill(process, signal.SIGKILL)

    def tell(self, step: str) -> None:
        """Write a step into the log."""
        with self._log.open("a") as log:
            log.write(f"{step}\n")


class _Killer:
    """Around every step of stores and host state."""

    def __init__(self, fuse: Fuse, last: int, also: Sequence[int]) -> None:
        self._fuse = fuse
        self._left = last
        self._also = also
        self._lock = threading.Lock()

    def __call__(self, operation: str, name: str, call: Callable[[], T]) -> T:
        with self._lock:
            self._fuse.tell(f"{operation} {name}")
            self._left -= 1
            if self._left == 0:
                self._fuse.go_off(self._also)
        return call()


def _instrument(killer: _Killer) -> None:
    open_stores = Configuration.open_stores

    def watched(self: Configuration, *values: Any, **named: Any) -> tuple[ObjectStore, ObjectStore]:
        store, ledger = open_stores(self, *values, **named)
        return WatchedStore(store, killer), WatchedStore(ledger, killer)

    patch.object(Configuration, "open_stores", watched).start()
    _for_ever.enter_context(watched_host(killer))


if home := os.environ.get("PREFECT_HOME"):
    Fuse(Path(home)).burn()
