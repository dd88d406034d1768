"""A commit's turn: the ledger chain of a host's writer grows in one process at a time, and the others wait."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from proofkeep import events
from proofkeep.errors import JournalBusyError, LedgerBusyError
from proofkeep.state import locked

if TYPE_CHECKING:
    from proofkeep.backup.run import Backup

LIMIT_SECONDS = 900.0
"""Of one attempt. Who holds the lock sends index and ledger: 90 MB for a TiB of large files, or for three million small
ones, which take twelve minutes at 1 Mbit/s."""

_TOLD_AFTER_SECONDS = 5.0


@contextmanager
def turn(run: "Backup") -> Iterator[None]:
    """Hold the lock of the writer's chain. The kernel drops it with the process, and it is taken from no live one.

    Raises:
        CancelledError: the run was cancelled while it waited.
        LedgerBusyError: another process, or another run of this one, has held it all the while.
    """
    file = run.state.ledger_lock
    with ExitStack() as held:
        try:
            lock = held.enter_context(locked(file, patience=LIMIT_SECONDS, meanwhile=_Wait(run)))
        except JournalBusyError:
            process = _holder(file)
            holder = "another process" if process is None else f"process {process}"
            raise LedgerBusyError(f"ledger of writer {run.writer.hex()} is held by {holder} of this host") from None
        with suppress(OSError):  # only words: a full disk ends no commit here
            os.ftruncate(lock, 0)
            os.write(lock, b"%d\n" % os.getpid())
        run.underway.placed(0)
        yield


class _Wait:
    """Shows a wait while it lasts, and makes one event of it."""

    def __init__(self, run: "Backup") -> None:
        self._run = run
        self._told = False

    def __call__(self, seconds: float) -> None:
        self._run.underway.waits(seconds)
        if self._told or seconds < _TOLD_AFTER_SECONDS:
            return
        self._told = True
        process = _holder(self._run.state.ledger_lock)
        run = self._run.identity.run.hex()
        events.emit("run-waits", run=run, waits_for="another commit of this host", process=process)


def _holder(file: Path) -> int | None:
    """The process that holds the lock; None where that is not written there."""
    try:
        return int(file.read_text("ascii"))
    except (OSError, ValueError):
        return None
