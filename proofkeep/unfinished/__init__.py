"""Runs of this host that ended without a snapshot: what they left, and how it is given up (docs/decisions/0006).

Nothing here needs a key or a store.
"""

from proofkeep.unfinished.abandon import GivenUp, abandon
from proofkeep.unfinished.runs import (
    ABANDONED,
    ADOPTED,
    BEGAN,
    GLANCE_SECONDS,
    KNOWN_ELSEWHERE,
    STAYS,
    UnfinishedRun,
    all_unfinished_runs,
    opened,
    unfinished_runs,
)

__all__ = [
    "ABANDONED",
    "ADOPTED",
    "BEGAN",
    "GLANCE_SECONDS",
    "KNOWN_ELSEWHERE",
    "STAYS",
    "GivenUp",
    "UnfinishedRun",
    "abandon",
    "all_unfinished_runs",
    "opened",
    "unfinished_runs",
]
