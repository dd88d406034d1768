"""The demo's server processes: known by a mark in their environment, ended through file descriptors.

Whatever a supervisor starts inherits the mark, so servers are found even if their supervisor was killed. A process
descriptor is opened before the mark is read: a process id that was reused in between is never signalled.
"""

import contextlib
import os
import select
import signal
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

MARK_VARIABLE = "PROOFKEEP_DEMO_SERVERS"

PROC = Path("/proc")


def mark_of(directory: Path) -> dict[str, str]:
    """What the environment of every server of this demo holds."""
    return {MARK_VARIABLE: str(directory)}


@contextmanager
def opened(pid: int, directory: Path) -> Iterator[int | None]:
    """A descriptor of the process if it runs and is this demo's, else None."""
    try:
        descriptor = os.pidfd_open(pid)
    except OSError:
        yield None
        return
    try:
        yield descriptor if _is_marked(pid, directory) else None
    finally:
        os.close(descriptor)


def _is_marked(pid: int, directory: Path) -> bool:
    mark = os.fsencode(f"{MARK_VARIABLE}={directory}")
    try:
        return mark in (PROC / str(pid) / "environ").read_bytes().split(b"\0")
    except OSError:
        return False


def running(directory: Path) -> list[int]:
    """Process ids of this demo's servers, supervisor included."""
    pids = [int(path.name) for path in PROC.iterdir() if path.name.isdigit()]
    return sorted(pid for pid in pids if pid != os.getpid() and _is_marked(pid, directory))


def end(pid: int, directory: Path, *, seconds: float) -> bool:
    """Ask the process to end, and kill it after `seconds`; false if it is not this demo's or gone already."""
    with opened(pid, directory) as process:
        if process is None:
            return False
        for number, patience in ((signal.SIGTERM, seconds), (signal.SIGKILL, None)):
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(process, number)
            if select.select([process], [], [], patience)[0]:
                break
    return True


def end_all(directory: Path, *, seconds: float, but: Collection[int] = ()) -> list[int]:
    """End every server of this demo, except those of the process ids `but`; returns their process ids."""
    ended = []
    deadline = time.monotonic() + seconds
    while left := [pid for pid in running(directory) if pid not in but]:
        ended += [pid for pid in left if end(pid, directory, seconds=max(0.0, deadline - time.monotonic()))]
    return ended
