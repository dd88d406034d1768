"""What the drill set out to prove, and whether it did: `satisfied`, `not-satisfied` or `not-tested`, never a guess.

These are the drill's own objectives. Which control they support is named; whether it is met is the assessor's word.
"""

from collections.abc import Callable
from dataclasses import dataclass

from proofkeep.drill.outcome import Outcome
from proofkeep.drill.receipts import Attacked, Draw, Restored, Spotted, StepFailure
from proofkeep.errors import RollbackError
from proofkeep.format import instants
from proofkeep.verify import Freshness

SATISFIED = "satisfied"
NOT_SATISFIED = "not-satisfied"
NOT_TESTED = "not-tested"

Verdict = tuple[str, str]
"""A result and the reason for it, in words."""


@dataclass(frozen=True, slots=True)
class Objective:
    """One thing to prove.

    Attributes:
        supports: objectives of SP 800-171A, SP 800-53A and the like for which this is evidence.
    """

    id: str
    statement: str
    supports: tuple[str, ...]
    judge: Callable[[Outcome], Verdict]


def _unreached(step: object) -> Verdict:
    """Of a step without a receipt."""
    if isinstance(step, StepFailure):
        return NOT_TESTED, f"step {step.step} ended with {step.code}"
    return NOT_TESTED, "the drill did not come so far"


def _ledger(outcome: Outcome) -> Verdict:
    draw = outcome.draw
    if not isinstance(draw, Draw):
        return _unreached(draw)
    facts = draw.verification
    seen = f"{facts['objects']} objects listed, {facts['read']} of them read back and hashed"
    return (NOT_SATISFIED, f"{facts['findings']} findings; {seen}") if facts["findings"] else (SATISFIED, seen)


def _freshness(outcome: Outcome) -> Verdict:
    draw = outcome.draw
    if not isinstance(draw, Draw):
        return _unreached(draw)
    if any(finding.code == RollbackError.code for finding in draw.damage):
        return NOT_SATISFIED, "an older state was put back"
    freshness = draw.verification["freshness"]
    return (NOT_TESTED if freshness == str(Freshness.NOT_PROVABLE) else SATISFIED), freshness


def _restored(outcome: Outcome) -> Verdict:
    restored = outcome.restored
    if not isinstance(restored, Restored):
        return _unreached(restored)
    lost = sum(file.result == "lost" for file in restored.files)
    if not restored.files:
        return NOT_TESTED, "no file was drawn"
    return (
        NOT_SATISFIED if lost else SATISFIED
    ), f"{len(restored.files) - lost} of {len(restored.files)} files restored"


def _equal(outcome: Outcome) -> Verdict:
    restored = outcome.restored
    if not isinstance(restored, Restored):
        return _unreached(restored)
    equal = sum(file.result == "equal" for file in restored.files)
    if not restored.files:
        return NOT_TESTED, "no file was drawn"
    seen = f"{equal} of {len(restored.files)} files have the keyed digest of their manifest"
    return (SATISFIED if equal == len(restored.files) else NOT_SATISFIED), seen


def _metadata(outcome: Outcome) -> Verdict:
    restored = outcome.restored
    if not isinstance(restored, Restored):
        return _unreached(restored)
    compared = [file for file in restored.files if file.metadata != "not-compared"]
    if not compared:
        return NOT_TESTED, "sealed scratch holds content alone" if restored.files else "no file was drawn"
    differing = sum(file.metadata == "differs" for file in compared)
    seen = f"size, mode, mtime and attributes of {len(compared)} files compared, {differing} differ"
    return (NOT_SATISFIED if differing else SATISFIED), seen


def _live(outcome: Outcome) -> Verdict:
    spotted = [spot for spot in outcome.spotted if isinstance(spot, Spotted)]
    differing = sum(spot.count("differs") for spot in spotted)
    equal = sum(spot.count("equal") for spot in spotted)
    asked = sum(len(spot.answers) for spot in spotted)
    if differing:
        return NOT_SATISFIED, f"{differing} of {equal + differing} compared files differ"
    if not spotted:
        return _unreached(outcome.spotted[0]) if outcome.spotted else (NOT_TESTED, "no source's host was asked")
    if not equal:
        return NOT_TESTED, f"none of {asked} files could be compared: changed since, vanished, unreadable or unknown"
    return SATISFIED, f"{equal} of {asked} files compared and equal; the others have changed since or could not be"


def _refusals(outcome: Outcome) -> Verdict:
    attacked = outcome.attacked
    if not isinstance(attacked, Attacked):
        if attacked is None and isinstance(outcome.draw, Draw):
            return NOT_TESTED, "no drawn file has content, so there was no pack to damage"
        return _unreached(attacked)
    if not attacked.refusals:
        return NOT_TESTED, "the undamaged copy did not open, so that a refusal would prove nothing"
    refused = sum(refusal.as_expected for refusal in attacked.refusals)
    seen = f"{refused} of {len(attacked.refusals)} attempts refused for the expected reason"
    return (SATISFIED if refused == len(attacked.refusals) else NOT_SATISFIED), seen


def _recovery_time(outcome: Outcome) -> Verdict:
    draw, restored, target = outcome.draw, outcome.restored, outcome.plan.rto_seconds
    if not isinstance(restored, Restored) or not isinstance(draw, Draw):
        return _unreached(restored)
    taken = restored.timing["recovery_ms"]
    seen = f"the sample took {taken} ms"
    if target is None:
        return NOT_TESTED, f"no target was given; {seen}"
    if taken > target * 1000:
        return NOT_SATISFIED, f"{seen}, the target is {target} s"
    if len(restored.files) < draw.population["files"]:
        return NOT_TESTED, f"{seen}, the target is {target} s, but a sample is no full recovery"
    return SATISFIED, f"{seen} and was the whole population, the target is {target} s"


def _recovery_point(outcome: Outcome) -> Verdict:
    draw, target = outcome.draw, outcome.plan.rpo_seconds
    if not isinstance(draw, Draw):
        return _unreached(draw)
    age = recovery_point_seconds(draw)
    if age is None or target is None:
        return NOT_TESTED, "there is no complete snapshot" if age is None else f"no target was given; {age} s old"
    seen = f"the newest complete snapshot that is oldest among the entries is {age} s old, the target is {target} s"
    return (SATISFIED if age <= target else NOT_SATISFIED), seen


def recovery_point_seconds(draw: Draw) -> int | None:
    """How old the newest complete snapshot is, of the entry where it is oldest; None without any."""
    now = instants.from_text(draw.at, "draw")
    ages = [
        (now - instants.from_text(each["source_at"], "snapshot")) // 10**9
        for each in draw.snapshots
        if "newest" in each["roles"] and each["complete"]
    ]
    return max(ages, default=None)


def _destroyed(outcome: Outcome) -> Verdict:
    restored = outcome.restored
    if not isinstance(restored, Restored):
        return _unreached(restored)
    gone = restored.destruction["nothing_left"]
    return (SATISFIED if gone else NOT_SATISFIED), restored.destruction["method"]


OBJECTIVES = (
    Objective("ledger", "store and ledger agree", ("3.12.3",), _ledger),
    Objective("freshness", "no older state was put back", ("3.12.3",), _freshness),
    Objective("media-reliability", "every drawn file can be restored", ("CP-09(01)[01]", "3.6.1[f]"), _restored),
    Objective("information-integrity", "restored content is what was backed up", ("CP-09(01)[02]",), _equal),
    Objective("metadata", "restored metadata is what was backed up", ("CP-09(01)[02]",), _metadata),
    Objective("live-source", "the live source still holds what was backed up", ("CP-09(01)[02]",), _live),
    Objective(
        "refusals", "stored bytes open under nothing but their own key, context and place", ("3.8.9[a]",), _refusals
    ),
    Objective("recovery-time", "recovery within its target", ("CP-10",), _recovery_time),
    Objective("recovery-point", "newest complete snapshot within its target", ("CP-10",), _recovery_point),
    Objective("plaintext-destroyed", "nothing of the restored plaintext is left", ("3.13.16[a]",), _destroyed),
)
