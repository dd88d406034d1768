"""Whose time is compared with this host's, and when the difference is too large."""

import pytest

from proofkeep.errors import ClockError
from proofkeep.model import Clock
from proofkeep.repository.clock import check_clock

HOUR = 3600 * 10**9
NOW = 1_800_000_000 * 10**9


def test_with_nobody_to_ask_the_clock_is_not_checked() -> None:
    assert not check_clock({"store": None, "ledger": None}, now_ns=NOW, newest_ledger_ns=None)


@pytest.mark.parametrize("difference", [0, HOUR, -HOUR])
def test_small_difference_is_accepted(difference: int) -> None:
    assert check_clock({"store": None, "ledger": Clock(NOW, NOW + difference)}, now_ns=NOW, newest_ledger_ns=None)


@pytest.mark.parametrize("difference", [HOUR + 1, -HOUR - 1, 48 * HOUR, -48 * HOUR])
def test_large_difference_is_refused(difference: int) -> None:
    with pytest.raises(ClockError, match="hours from that of the ledger"):
        check_clock(
            {"store": Clock(NOW, NOW), "ledger": Clock(NOW, NOW + difference)}, now_ns=NOW, newest_ledger_ns=None
        )


def test_ledger_from_the_future_is_refused() -> None:
    with pytest.raises(ClockError, match=r"48\.0 hours ahead"):
        check_clock({"store": None}, now_ns=NOW, newest_ledger_ns=NOW + 48 * HOUR)


def test_ledger_from_the_past_is_a_check_that_passed() -> None:
    assert check_clock({"store": None}, now_ns=NOW, newest_ledger_ns=NOW - 1000 * HOUR)
