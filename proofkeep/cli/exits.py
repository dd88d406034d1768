"""Exit codes, stable (docs/exit-codes.md)."""

from enum import IntEnum

from proofkeep.errors import DamagedError, DrillFailedError, PartialSnapshotError, ProofkeepError, UsageError


class Exit(IntEnum):
    """How a command ended. Ended by signal n it is 128 + n, as shells have it."""

    OK = 0
    ERROR = 1
    USAGE = 2
    PARTIAL = 3
    DAMAGED = 4
    DRILL_FAILED = 5
    NOT_PROVEN = 6
    ATTENTION = 7
    DIFFERENT = 8


_BY_ERROR: tuple[tuple[type[ProofkeepError], Exit], ...] = (
    (UsageError, Exit.USAGE),
    (PartialSnapshotError, Exit.PARTIAL),
    (DamagedError, Exit.DAMAGED),
    (DrillFailedError, Exit.DRILL_FAILED),
)


def exit_of(error: ProofkeepError) -> Exit:
    """The exit code that an error stands for."""
    return next((code for kind, code in _BY_ERROR if isinstance(error, kind)), Exit.ERROR)
