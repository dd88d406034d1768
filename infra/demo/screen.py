"""What the person sees while the demo works: a bar for each step on a terminal, a line for each elsewhere."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from proofkeep.cli import shown


class Step:
    """One step on the screen; called with running counts, as the engine's `Progress`."""

    def __init__(self, bars: Progress | None, title: str, total: int | None) -> None:
        self._bars = bars
        self._total = total
        self._task: TaskID | None = bars.add_task(title, total=total, note="") if bars else None
        self.note = ""

    def __call__(
        self,
        step: str,  # noqa: ARG002 - the engine's protocol
        **counts: int,
    ) -> None:
        """Show what counts files or objects; `bytes`, or what stands in for it, moves the bar. Only `end` fills it."""
        if not counts.keys() & {"files", "objects"}:
            return
        done = counts.get("bytes", counts.get("read_bytes", 0))
        if self._total is not None:
            done = min(done, self._total - 1)
        self.note = ", ".join(
            f"{shown.size(count)}" if name == "bytes" else f"{count} {name}"
            for name, count in counts.items()
            if count and name in {"files", "bytes", "objects"}
        )
        if self._bars is not None and self._task is not None:
            self._bars.update(self._task, completed=done, note=self.note)

    def end(self, note: str) -> None:
        """Fill the bar and say what came of it."""
        self.note = note
        if self._bars is not None and self._task is not None:
            self._bars.update(self._task, total=self._total or 1, completed=self._total or 1, note=note)


class Screen:
    """Draws on `stream`; used as a context manager around all steps."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.console = Console(file=stream, highlight=False)
        self._bars: Progress | None = None

    @contextmanager
    def steps(self) -> Iterator[None]:
        """Bars live in here; what they last showed stays."""
        if not self.console.is_terminal:
            yield
            return
        bars = Progress(
            SpinnerColumn(finished_text="[green]✓"),
            TextColumn("{task.description}"),
            BarColumn(bar_width=20, complete_style="green", finished_style="green"),
            TimeElapsedColumn(),
            TextColumn("{task.fields[note]}"),
            console=self.console,
        )
        self._bars = bars
        with bars:
            yield
        self._bars = None

    @contextmanager
    def step(self, title: str, *, total: int | None = None) -> Iterator[Step]:
        """One step; whatever leaves by an error is shown as not done."""
        began = time.monotonic()
        step = Step(self._bars, title, total)
        if self._bars is None:
            self.say(f"{title} ...")
        yield step
        if self._bars is None:
            note = f": {step.note}" if step.note else ""
            self.say(f"{title}: {time.monotonic() - began:.1f} s{note}")
        elif step.note:
            step.end(step.note)
        else:
            step.end("done")

    def say(self, text: str) -> None:
        """One plain line."""
        self.console.print(shown.text(text), markup=False, soft_wrap=True)

    def table(self, rows: list[tuple[str, str]]) -> None:
        """The table at the end."""
        if not self.console.is_terminal:
            width = max(len(name) for name, _ in rows)
            for name, value in rows:
                self.say(f"{name:<{width}}  {value}")
            return
        table = Table(show_header=False, box=None, pad_edge=False)
        table.add_column(style="bold", no_wrap=True)
        table.add_column(overflow="fold")
        for name, value in rows:
            table.add_row(name, value)
        self.console.line()
        self.console.print(table)
        self.console.line()


def open_screen() -> Screen:
    """The screen on standard output."""
    return Screen(sys.stdout)
