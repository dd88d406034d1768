"""Durations as people write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proofkeep.configuration import parse
from proofkeep.configuration.duration import (
    DEFAULT_ALLOWED_AGE,
    LONGEST_SECONDS,
    parse_duration,
    spell_duration,
)
from proofkeep.errors import UsageError
from tests.engine.configuration.test_reading import BASE, LEAST


@pytest.mark.parametrize(
    "spelled,seconds",
    [("26h", 93_600), ("90m", 5400), ("8d", 691_200), ("1d12h", 129_600), ("2w", 1_209_600), ("1w1d1h1m1s", 694_861)],
)
def test_duration_is_the_sum_of_its_parts(spelled: str, seconds: int) -> None:
    assert parse_duration(spelled) == seconds


@pytest.mark.parametrize(
    "spelled", ["", "h", "0h", "26", "1h1d", "1h1h", "-1h", "1.5h", "1 h", "26h\n", "٢h", "36501d", "9999999999s"]
)
def test_what_is_no_duration_is_refused(spelled: str) -> None:
    with pytest.raises(UsageError, match="is no span of time such as 26h, 90m or 1d12h"):
        parse_duration(spelled)


@given(st.integers(min_value=1, max_value=LONGEST_SECONDS))
def test_spelled_duration_loses_less_than_its_second_unit(seconds: int) -> None:
    lost = seconds - parse_duration(spell_duration(seconds))

    assert 0 <= lost < 86_400
    assert lost == 0 or lost < seconds / 24


def test_nothing_is_spelled_too() -> None:
    assert spell_duration(0) == "0s"


def test_source_says_how_old_its_snapshot_may_be() -> None:
    said = parse(LEAST | {"source": {"root": "/srv", "allowed_age": "8d"}}, base=BASE).source
    silent = parse(LEAST | {"source": {"root": "/srv"}}, base=BASE).source

    assert said is not None
    assert silent is not None
    assert (said.allowed_age, silent.allowed_age) == ("8d", DEFAULT_ALLOWED_AGE)


def test_source_whose_allowed_age_is_none_is_refused_by_its_key() -> None:
    with pytest.raises(UsageError, match="source is wrong: allowed_age: duration 'soon' is no span of time"):
        parse(LEAST | {"source": {"root": "/srv", "allowed_age": "soon"}}, base=BASE)
