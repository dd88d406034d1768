"""Progress while a verb runs: bars on a terminal, a line now and then elsewhere, nothing when told so.

All on standard error; counts only.
"""

import math
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Self

from proofkeep import ports
from proofkeep.cli import shown
from proofkeep.pace import Pace
from proofkeep.progress import silent

LINE_SECONDS = 10.0

_BYTES = ("bytes", "new_bytes", "read_bytes", "stored")
_WORDS = {"new_bytes": "new", "read_bytes": "read"}
_LEFT_OUT = frozenset({"chunks", "directories", "other", "unchanged_files"})


@contextmanager
def shown_progress(*, quiet: bool, total_bytes: int | None = None) -> Iterator[ports.Progress]:
    """Give a verb its `Progress`.

    Args:
        total_bytes: how much `bytes` will come to, where that is known; a bar can then fill.
    """
    if quiet:
        yield silent
    elif sys.stderr.isatty():
        from proofkeep.cli.bars import Bars  # noqa: PLC0415 - rich is loaded only where it can draw

        with Bars(total_bytes) as bars:
            yield bars
    else:
        lines = Lines(total_bytes)
        yield lines
        lines.close()


PATIENCE_SECONDS = 1.0


class Patient:
    """Begins to show progress once a second has passed: what is over by then needs none. For one thread."""

    def __init__(
        self, begin: Callable[[], AbstractContextManager[ports.Progress]], clock: Callable[[], float] = time.monotonic
    ) -> None:
        """`begin` gives what shows it."""
        self._begin = begin
        self._clock = clock
        self._held = ExitStack()
        self._shown: ports.Progress | None = None
        self._show_at = clock() + PATIENCE_SECONDS

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._held.close()

    def __call__(self, step: str, **counts: int) -> None:
        """See `ports.Progress`."""
        if self._shown is None and self._clock() >= self._show_at:
            self._shown = self._held.enter_context(self._begin())
        if self._shown is not None:
            self._shown(step, **counts)


def words(counts: dict[str, int]) -> str:
    """Counts as a person reads them: `120 files, 3.0 MiB, 1.0 MiB new`."""
    parts = []
    for name, count in sorted(counts.items(), key=_is_read):
        if name in _LEFT_OUT or name.startswith("total_") or (count == 0 and name not in {"files", "bytes"}):
            continue
        if name == "bytes":
            parts.append(shown.size(count))
        else:
            value = shown.size(count) if name in _BYTES else str(count)
            parts.append(f"{value} {_WORDS.get(name, name)}")
    return ", ".join(parts)


def _is_read(count: tuple[str, int]) -> bool:
    """What was read is told last: a narrow terminal cuts that first."""
    return count[0] == "read_bytes"


class Lines:
    """A line when a step begins, one every ten seconds, and one with its last counts. Called from any thread.

    Args:
        total_bytes: as in `shown_progress`.
        clock: seconds that only grow.
    """

    def __init__(self, total_bytes: int | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._known = {"total_bytes": total_bytes} if total_bytes else {}
        self._clock = clock
        self._lock = threading.Lock()
        self._next: dict[str, float] = {}
        self._unsaid: dict[str, dict[str, int]] = {}
        self._paces: dict[str, Pace] = {}

    def __call__(self, step: str, **counts: int) -> None:
        """See `ports.Progress`."""
        now = self._clock()
        with self._lock:
            self._unsaid[step] = counts = self._known | counts
            if now < self._next.get(step, -math.inf):
                return
            self._next[step] = now + LINE_SECONDS
            pace = self._paces.setdefault(step, Pace(self._clock))
            pace.note(counts)
            self._say(step, pace.words())

    def close(self) -> None:
        """Say what each step came to."""
        with self._lock:
            for step in list(self._unsaid):
                self._say(step, "")

    def _say(self, step: str, pace: str) -> None:
        counts = self._unsaid.pop(step)
        sys.stderr.write(f"{step}: {', '.join(filter(None, (words(counts), pace)))}\n")
        sys.stderr.flush()
