"""How old each entry's last verified snapshot is, what failed and was not made good since, and what lies about.

From the repository, the journals and the history, so that none of them can hide a failure alone (decision 0006).
"""

from proofkeep.status.forgetting import forget
from proofkeep.status.judging import judge, newest_complete, open_failures
from proofkeep.status.looking import look, snapshot_of
from proofkeep.status.report import (
    HISTORY_DAMAGED,
    RECORDS_DAMAGED,
    BrokenEntry,
    DrilledEntry,
    EntryStatus,
    StatusReport,
)

__all__ = [
    "HISTORY_DAMAGED",
    "RECORDS_DAMAGED",
    "BrokenEntry",
    "DrilledEntry",
    "EntryStatus",
    "StatusReport",
    "forget",
    "judge",
    "look",
    "newest_complete",
    "open_failures",
    "snapshot_of",
]
