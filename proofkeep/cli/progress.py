"""Progress while a verb runs: bars on a terminal, a line now and then elsewhere, nothing when told so.

All on standard error; counts only.
"""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)
from rich.text import Text

from proofkeep import ports
from proofkeep.cli import shown
from proofkeep.progress import silent

LINE_SECONDS = 10.0

_BYTES = ("bytes", "new_bytes", "read_bytes", "stored")
_WORDS = {"new_bytes": "new", "read_bytes": "read"}
_LEFT_OUT = frozenset({"directories", "other", "unchanged_files", "total_bytes"})


@contextmanager
def shown_progress(*, quiet: bool, total_bytes: int | None = None) -> Iterator[ports.Progress]:
    """Give a verb its `Progress`.

    Args:
        total_bytes: how much `bytes` will come to, where that is known; a bar can then fill.
    """
    if quiet:
        yield silent
    elif sys.stderr.isatty():
        with Bars(total_bytes) as bars:
            yield bars
    else:
        lines = Lines()
        yield lines
        lines.close()


def words(counts: dict[str, int]) -> str:
    """Counts as a person reads them: `120 files, 3.0 MiB, 1.0 MiB new`."""
    parts = []
    for name, count in counts.items():
        if name in _LEFT_OUT or (count == 0 and name not in {"files", "bytes"}):
            continue
        if name == "bytes":
            parts.append(shown.size(count))
        else:
            value = shown.size(count) if name in _BYTES else str(count)
            parts.append(f"{value} {_WORDS.get(name, name)}")
    return ", ".join(parts)


class Lines:
    """A line when a step begins, one every ten seconds, and one with its last counts. Called from any thread."""

    def __init__(self) -> None:
        self._next: dict[str, float] = {}
        self._unsaid: dict[str, str] = {}

    def __call__(self, step: str, **counts: int) -> None:
        """See `ports.Progress`."""
        now = time.monotonic()
        self._unsaid[step] = f"{step}: {words(counts)}\n"
        if now >= self._next.get(step, 0.0):
            self._next[step] = now + LINE_SECONDS
            self._say(step)

    def close(self) -> None:
        """Say what each step came to."""
        for step in list(self._unsaid):
            self._say(step)

    def _say(self, step: str) -> None:
        sys.stderr.write(self._unsaid.pop(step, ""))
        sys.stderr.flush()


class _Rate(ProgressColumn):
    """Bytes a second over the last while."""

    def render(self, task: Task) -> Text:
        """The rate, empty before there is one."""
        speed = task.finished_speed or task.speed
        return Text(f"{shown.size(int(speed))}/s" if speed else "")


class Bars:
    """One bar for each step, drawn by rich. Called from any thread."""

    def __init__(self, total_bytes: int | None) -> None:
        self._total = total_bytes
        self._bars = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[counts]}"),
            _Rate(),
            TimeElapsedColumn(),
            console=Console(stderr=True),
            transient=True,
        )
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bars.stop()

    def __call__(self, step: str, **counts: int) -> None:
        """See `ports.Progress`."""
        if step not in self._tasks:
            self._tasks[step] = self._bars.add_task(step, total=counts.get("total_bytes", self._total), counts="")
        self._bars.update(self._tasks[step], completed=counts.get("bytes", 0), counts=words(counts))
