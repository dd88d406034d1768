"""How a drill ended, in words: what held nothing that could be restored never reads as passed."""

from proofkeep.attempts import NOTHING_TO_RESTORE
from proofkeep.drill.receipts import Facts

PASSED = "passed"


def verdict_of(document: Facts) -> str:
    """`passed`, `failed`, `nothing to restore`, or `passed, nothing to restore of 1 of 3 entries`; from the evidence.

    An entry that no file could be drawn from has a finding, unless there is no regular file in its snapshots.
    """
    drilled = {each["entry"] for each in document["snapshots"]}
    empty = drilled - {each["entry"] for each in document["strata"]}
    result: str = document["result"]
    if result != PASSED or not empty:
        return result
    if empty == drilled:
        return NOTHING_TO_RESTORE
    return f"{PASSED}, {NOTHING_TO_RESTORE} of {len(empty)} of {len(drilled)} entries"
