"""In whose words a drill that did not pass is told."""

from collections.abc import Sequence

import pytest

from proofkeep.drill import DrillReport, StepFailure
from proofkeep.errors import (
    AuthenticationError,
    DrillFailedError,
    KeyDeniedError,
    ProofkeepError,
    StoreUnavailableError,
    UsageError,
)
from proofkeep.model import Finding


def ended_with(failures: Sequence[ProofkeepError], *found: Finding, **objectives: str) -> DrillFailedError:
    steps = [StepFailure(f"step-{number}", each.code, str(each)) for number, each in enumerate(failures)]
    findings = [*found, *(Finding(each.code, f"step {each.step}", each.message) for each in steps)]
    report = DrillReport("d", False, "/e", 0, 0, 0.0, "none", 0, 0, 0, 0, findings, objectives, steps)  # noqa: FBT003 - its second
    with pytest.raises(DrillFailedError) as failed:
        report.require_passed()
    return failed.value


def test_one_kind_of_error_that_kept_steps_from_their_end_is_told_in_its_own_words() -> None:
    away = [StoreUnavailableError(f"store is away, said {number}") for number in range(2)]

    told = ended_with(away)

    assert str(told) == "drill d ended with 2 findings: store is away, said 0; its evidence lies in /e"
    assert (told.code, told.cause, told.retryable) == ("store-unavailable", StoreUnavailableError.cause, True)
    assert (DrillFailedError.code, DrillFailedError.retryable) == ("drill-failed", False)


def test_limit_that_left_out_all_of_an_entry_is_told_as_the_wrong_option_that_it_is() -> None:
    told = ended_with([], *(Finding("usage", f"entry {each}", f"nothing of {each}") for each in ("ab", "cd")))

    assert str(told) == "drill d ended with 2 findings: nothing of ab; its evidence lies in /e"
    assert (told.code, told.hint) == ("usage", UsageError.hint)


@pytest.mark.parametrize(
    "failed",
    [
        ended_with([StoreUnavailableError("x"), KeyDeniedError("x")]),
        ended_with([AuthenticationError("x")]),
        ended_with([], Finding("key-denied", "ab", "x")),
        ended_with([KeyDeniedError("x")], Finding("key-denied", "ab", "x")),
        ended_with([KeyDeniedError("x")], **{"recovery-point": "not-satisfied"}),
    ],
    ids=["two-kinds", "damage", "no-step", "more-than-steps", "objective-missed"],
)
def test_drill_that_found_anything_else_is_a_failed_drill(failed: DrillFailedError) -> None:
    assert failed.code == "drill-failed"
