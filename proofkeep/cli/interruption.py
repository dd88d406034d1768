"""Ctrl-C and SIGTERM: a clean cancel where a verb listens, an end at once where none does."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Interruption:
    """What the process was told by signals; a second one ends it at once, which the journal survives."""

    def __init__(self) -> None:
        self.signal: signal.Signals | None = None
        self._told = threading.Event()
        self._listening = False

    def install(self) -> None:
        """Take over both signals."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._interrupt)

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Within, a signal only makes `cancelled` true: the verb comes to its own end."""
        self._listening = True
        try:
            yield
        finally:
            self._listening = False

    def cancelled(self) -> bool:
        """Whether a signal came; the engine's `Cancelled`."""
        return self._told.is_set()

    def wait(self, seconds: float) -> None:
        """Wait between two attempts, unless told to end meanwhile."""
        self._told.wait(seconds)

    @property
    def exit(self) -> int:
        """128 and the signal's number, as shells report a process that a signal ended."""
        return 128 + (self.signal or signal.SIGINT)

    def _interrupt(self, number: int, _frame: FrameType | None) -> None:
        self.signal = signal.Signals(number)
        self._told.set()
        for each in (signal.SIGINT, signal.SIGTERM):
            signal.signal(each, signal.SIG_DFL)
        if not self._listening:
            raise KeyboardInterrupt
