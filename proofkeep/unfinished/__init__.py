"""Runs of this host that ended without a snapshot: what they left, and how it is given up (docs/decisions/0006).

Nothing here needs a key or a store.
"""

from proofkeep.unfinished.abandon import NOT_ASKED, GivenUp, abandon
from proofkeep.unfinished.runs import (
    ABANDONED,
    ADOPTED,
    BEGAN,
    GLANCE_SECONDS,
    KNOWN_ELSEWHERE,
    OF_NO_PACK,
    STAYS,
    UnfinishedRun,
    all_unfinished_runs,
    looked_at,
    opened,
    unfinished_runs,
)

__all__ = [
    "ABANDONED",
    "ADOPTED",
    "BEGAN",
    "GLANCE_SECONDS",
    "KNOWN_ELSEWHERE",
    "NOT_ASKED",
    "OF_NO_PACK",
    "STAYS",
    "GivenUp",
    "UnfinishedRun",
    "abandon",
    "all_unfinished_runs",
    "looked_at",
    "opened",
    "unfinished_runs",
]
