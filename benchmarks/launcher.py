"""Run one command and write down what it took: started with `python -I -S`, so that its own memory stays out of it.

The kernel counts a child's peak from the moment it is forked, hence from its parent's size: a small parent measures
small children. Knows nothing of the rest of the harness and imports nothing but the standard library.
"""

import json
import os
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

SAMPLE_SECONDS = 0.1
_PAGE = os.sysconf("SC_PAGE_SIZE")


def descendants(pid: int) -> Iterator[int]:
    """The process and everything below it that still runs."""
    yield pid
    try:
        for task in Path(f"/proc/{pid}/task").iterdir():
            children = (task / "children").read_bytes()
            for child in children.split():
                yield from descendants(int(child))
    except OSError:
        return


def resident(pid: int) -> int:
    """Bytes resident now, 0 for a process that is gone."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_bytes().split()[1]) * _PAGE
    except OSError:
        return 0


class PeakOfTree:
    """Samples the sum over the process tree; pages that two processes share count twice."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self.bytes = 0
        self._thread.start()

    def _watch(self) -> None:
        while not self._ended.wait(SAMPLE_SECONDS):
            self.bytes = max(self.bytes, sum(resident(pid) for pid in descendants(self._pid)))

    def end(self) -> int:
        """Stop, and return the peak in bytes."""
        self._ended.set()
        self._thread.join()
        return self.bytes


def measure(command: list[str], *, to_disk: bool) -> dict[str, float | int]:
    """Run `command` to its end, or until the disk has what it wrote; seconds, bytes, exit status."""
    begun = time.perf_counter()
    pid = os.posix_spawnp(command[0], command, os.environ)
    peak = PeakOfTree(pid)
    _, status, usage = os.wait4(pid, 0)
    if to_disk:
        os.sync()
    wall = time.perf_counter() - begun
    return {
        "wall": wall,
        "cpu": usage.ru_utime + usage.ru_stime,
        "rss": max(usage.ru_maxrss * 1024, peak.end()),
        "status": os.waitstatus_to_exitcode(status),
    }


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(json.dumps(measure(sys.argv[3:], to_disk=sys.argv[2] == "disk")))
