"""Files that were just made, and have to have settled: by a clock of the tests' own, or by waiting."""

import time
from pathlib import Path

from proofkeep.sources.node import SETTLING_NS


def long_after() -> int:
    """An hour from now: to a source that looks then, files that were just made have settled."""
    return time.time_ns() + 3600 * 10**9


def let_settle(root: Path) -> None:
    """Return once every file below `root` has been left alone for long enough that a backup remembers its state."""
    newest = max(path.lstat().st_ctime_ns for path in (root, *root.rglob("*")))
    time.sleep(max(0.0, (newest + SETTLING_NS - time.time_ns()) / 10**9) + 0.01)
