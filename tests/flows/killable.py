"""The flow `backup` in a process that kills itself, or servers, at the step that a file names; Prefect finds it here.

The file lies in the process's PREFECT_HOME: the step, and which processes get which signal. It is gone before they
are, so that a retry lives. Every step is told to a log beside it, the deadly one before it is taken.
"""

import json
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, TypeVar
from unittest.mock import patch

from flows.backup import backup
from proofkeep.configuration import Configuration
from proofkeep.ports import ObjectStore
from tests.decorating import WatchedStore, watched_host
from tests.steps import kind

__all__ = ["backup"]

T = TypeVar("T")

ITSELF = 0
"""Stands for the process id of the run that takes the step."""

_for_ever = ExitStack()
"""Holds the patches: a context manager that nobody refers to is left when it is collected."""


class Fuse:
    """Lies in a directory; `set` by the test, burnt by the flow run's process."""

    def __init__(self, home: Path) -> None:
        self._file = home / "fuse.json"
        self._log = home / "fuse.log"

    def set(self, step: int | str, blows: Mapping[int, int]) -> None:
        """The next process to come to a step deals these signals, by process id; one of its own comes last.

        Args:
            step: its number, from 1, or the first of a kind.
        """
        self._log.unlink(missing_ok=True)
        self._file.write_text(json.dumps([step, sorted(blows.items(), reverse=True)]))

    @property
    def is_set(self) -> bool:
        """Whether it has not gone off yet."""
        return self._file.exists()

    def steps(self) -> list[str]:
        """What was begun since it was set."""
        return self._log.read_text().splitlines() if self._log.exists() else []

    def burn(self) -> None:
        """Instrument this process, if it is set."""
        if self.is_set:
            step, blows = json.loads(self._file.read_text())
            _instrument(_Striker(self, step, blows))

    def go_off(self, blows: Sequence[tuple[int, int]]) -> None:
        """Strike, leaving no time for anything."""
        self._file.unlink()
        for process, number in blows:
            os.kill(process or os.getpid(), number)

    def tell(self, step: str) -> None:
        """Write a step into the log."""
        with self._log.open("a") as log:
            log.write(f"{step}\n")


class _Striker:
    """Around every step of stores and host state."""

    def __init__(self, fuse: Fuse, step: int | str, blows: Sequence[tuple[int, int]]) -> None:
        self._fuse = fuse
        self._step = step
        self._blows = blows
        self._taken = 0
        self._lock = threading.Lock()

    def __call__(self, operation: str, name: str, call: Callable[[], T]) -> T:
        step = f"{operation} {name}"
        with self._lock:
            self._fuse.tell(step)
            self._taken += 1
            if self._fuse.is_set and self._step in {self._taken, kind(step)}:
                self._fuse.go_off(self._blows)
        return call()


def _instrument(striker: _Striker) -> None:
    open_stores = Configuration.open_stores

    def watched(self: Configuration, *values: Any, **named: Any) -> tuple[ObjectStore, ObjectStore]:
        store, ledger = open_stores(self, *values, **named)
        return WatchedStore(store, striker), WatchedStore(ledger, striker)

    patch.object(Configuration, "open_stores", watched).start()
    _for_ever.enter_context(watched_host(striker))


if home := os.environ.get("PREFECT_HOME"):
    Fuse(Path(home)).burn()
