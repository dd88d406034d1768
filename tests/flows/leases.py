"""Files that nobody can open, root included: somebody holds a write lease on them (fcntl(2), F_SETLEASE)."""

import fcntl
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def closed_to_everybody(file: Path) -> Iterator[None]:
    """Within, opening `file` without waiting fails; the kernel would break the lease after 45 s."""
    before = signal.signal(signal.SIGIO, signal.SIG_IGN)  # who opens the file is told to us by SIGIO
    descriptor = os.open(file, os.O_RDWR)
    try:
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_WRLCK)
        yield
    finally:
        os.close(descriptor)
        signal.signal(signal.SIGIO, before)
