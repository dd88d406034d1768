"""Progress as bars on a terminal."""

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

from proofkeep.cli import shown
from proofkeep.cli.progress import words


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
