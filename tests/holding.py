"""A process that holds a host's turn to commit, and stands still."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_HOLD = """
import fcntl, os, signal, sys

lock = open(sys.argv[1], "w")
fcntl.flock(lock, fcntl.LOCK_EX)
print(os.getpid(), file=lock, flush=True)
os.kill(os.getpid(), signal.SIGSTOP)
"""


def wait_until_it_stands_still(process: subprocess.Popen[bytes]) -> None:
    """Once it was stopped; fails if it ends instead."""
    found = os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
    assert found is not None
    assert found.si_code == os.CLD_STOPPED


@contextmanager
def turn_held(lock: Path) -> Iterator[subprocess.Popen[bytes]]:
    """As by a commit that was stopped in its middle; `lock` is `ledger.lock` of the state directory."""
    with subprocess.Popen([sys.executable, "-c", _HOLD, lock]) as process:
        try:
            wait_until_it_stands_still(process)
            yield process
        finally:
            process.kill()
