"""Whose time is compared with this host's, and when the difference is too large."""

import pytest

from proofkeep.errors import ClockError
from proofkeep.format.ledger_entry import FIRST_PREVIOUS, LedgerEntry
from proofkeep.model import Clock
from proofkeep.repository.clock import check_clock, hours_ahead

HOUR = 3600 * 10**9
NOW = 1_800_000_000 * 10**9
ONE, TWO = b"1" * 16, b"2" * 16


def entry(writer: bytes, sequence: int, hours: float, **seen: int) -> LedgerEntry:
    """One that was written so many hours from now, by a writer that had seen the other's chain up to a sequence."""
    heads = {{"one": ONE, "two": TWO}[name]: (last, bytes(32)) for name, last in seen.items()}
    at = NOW + int(hours * HOUR)
    return LedgerEntry(writer, sequence, 1, at, "close", FIRST_PREVIOUS, (), {}, None, heads)


def test_with_nobody_to_ask_the_clock_is_not_checked() -> None:
    assert not check_clock({"store": None, "ledger": None})


@pytest.mark.parametrize("difference", [0, HOUR, -HOUR])
def test_small_difference_is_accepted(difference: int) -> None:
    assert check_clock({"store": None, "ledger": Clock(NOW, NOW + difference)})


@pytest.mark.parametrize("difference", [HOUR + 1, -HOUR - 1, 48 * HOUR, -48 * HOUR])
def test_large_difference_is_refused(difference: int) -> None:
    with pytest.raises(ClockError, match="hours from that of the ledger"):
        check_clock({"store": Clock(NOW, NOW), "ledger": Clock(NOW, NOW + difference)})


def test_entry_from_the_future_is_ahead() -> None:
    assert hours_ahead([entry(ONE, 5, 48), entry(TWO, 5, 0)], now_ns=NOW) == {ONE: 48}


@pytest.mark.parametrize("hours", [-1000, 0, 1])
def test_entry_from_the_past_or_nearly_is_not(hours: float) -> None:
    assert hours_ahead([entry(ONE, 5, hours)], now_ns=NOW) == {}


@pytest.mark.parametrize("hours", [-100, 0, 1])
@pytest.mark.parametrize("seen", [5, 6])
def test_entry_that_was_seen_by_one_from_the_past_was_misdated(hours: float, seen: int) -> None:
    assert hours_ahead([entry(ONE, 5, 48), entry(TWO, 9, hours, one=seen)], now_ns=NOW) == {}


def test_entry_of_which_only_an_earlier_one_was_seen_is_ahead() -> None:
    assert hours_ahead([entry(ONE, 5, 48), entry(TWO, 9, 0, one=4)], now_ns=NOW) == {ONE: 48}


def test_entries_from_the_future_that_have_seen_each_other_are_all_ahead() -> None:
    """As it is where this host's clock is behind."""
    newest = [entry(ONE, 5, 48, two=9), entry(TWO, 9, 49, one=5)]

    assert hours_ahead(newest, now_ns=NOW) == {ONE: 48, TWO: 49}
