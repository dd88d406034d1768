"""Progress as bars on a terminal."""

import threading
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
from rich.table import Column
from rich.text import Text

from proofkeep.cli.progress import words
from proofkeep.pace import Pace, share_of


class _Counts(ProgressColumn):
    """What was counted, on one line: where the terminal is too narrow for all columns, this one is cut."""

    def render(self, task: Task) -> Text:
        """See `ProgressColumn.render`."""
        return Text(task.fields["counts"], no_wrap=True, overflow="ellipsis")


class Bars:
    """One bar for each step, drawn by rich. Called from any thread."""

    def __init__(self, total_bytes: int | None) -> None:
        self._known = {"total_bytes": total_bytes} if total_bytes else {}
        self._bars = Progress(
            SpinnerColumn(table_column=Column(no_wrap=True)),
            TextColumn("{task.description}"),
            BarColumn(bar_width=12, table_column=Column(no_wrap=True)),
            _Counts(),
            TextColumn("{task.fields[pace]}"),
            TimeElapsedColumn(table_column=Column(no_wrap=True)),
            console=Console(stderr=True),
            transient=True,
        )
        self._lock = threading.Lock()
        self._tasks: dict[str, tuple[TaskID, Pace]] = {}

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bars.stop()

    def __call__(self, step: str, **counts: int) -> None:
        """See `ports.Progress`."""
        counts = self._known | counts
        share = share_of(counts)
        with self._lock:
            if step not in self._tasks:
                self._tasks[step] = self._bars.add_task(step, total=None, counts="", pace=""), Pace()
            task, pace = self._tasks[step]
            pace.note(counts)
            total = None if share is None else 1.0
            self._bars.update(task, total=total, completed=share or 0.0, counts=words(counts), pace=pace.words())
