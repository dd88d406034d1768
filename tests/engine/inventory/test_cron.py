"""Our reading of cron expressions held against Prefect's own."""

import asyncio
from datetime import UTC, datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st
from prefect.server.schemas.schedules import CronSchedule as ServerSchedule

from proofkeep.inventory.cron import Cron

NOW = datetime(2026, 11, 24, 12, 34, tzinfo=UTC)
UTC_ZONE = ZoneInfo("UTC")


def ours(text: str, count: int = 20) -> list[datetime]:
    return list(islice(Cron.parse(text).instants(UTC_ZONE, NOW), count))


def prefects(text: str, count: int = 20) -> list[datetime]:
    """What the server will schedule."""
    schedule = ServerSchedule(cron=text, timezone="UTC")
    dates = asyncio.run(schedule.get_dates(n=count, start=NOW + timedelta(seconds=1)))
    return [date.astimezone(UTC) for date in dates]


@pytest.mark.parametrize("text", ["0 */6 * * *", "*/30 * * * *", "30 2 * * *"])
def test_server_counts_the_repeated_hour_of_autumn_as_the_inventory_does(text: str) -> None:
    berlin = ZoneInfo("Europe/Berlin")
    evening = datetime(2026, 10, 24, 20, 10, tzinfo=UTC)

    dates = asyncio.run(ServerSchedule(cron=text, timezone="Europe/Berlin").get_dates(n=12, start=evening))

    assert list(islice(Cron.parse(text).instants(berlin, evening), 12)) == [date.astimezone(UTC) for date in dates]


def field(low: int, high: int) -> st.SearchStrategy[str]:
    """A field as people write them: a star, a number, a range, a step or a list."""
    number = st.integers(low, high)
    pair = st.lists(number, min_size=2, max_size=2, unique=True).map(sorted)
    step = st.integers(1, max(1, (high - low) // 2))
    part = st.one_of(
        number.map(str),
        pair.map(lambda ends: f"{ends[0]}-{ends[1]}"),
        step.map(lambda width: f"*/{width}"),
        st.tuples(pair, step).map(lambda both: f"{both[0][0]}-{both[0][1]}/{both[1]}"),
    )
    return st.one_of(st.just("*"), st.lists(part, min_size=1, max_size=3).map(",".join))


EXPRESSIONS = st.tuples(field(0, 59), field(0, 23), field(1, 28), field(1, 12), field(0, 6)).map(" ".join)


@settings(max_examples=60)
@given(EXPRESSIONS)
def test_server_runs_when_the_inventory_says(text: str) -> None:
    try:
        mine = ours(text, 6)
    except ValueError:
        reject()
    assert mine == prefects(text, 6)


@pytest.mark.parametrize(
    "text", ["30 1 * * *", "0 6 1 1,4,7,10 *", "0 6 * * sun", "15 2 29 feb *", "0 0 13 * fri", "5/20 8-17 * * mon-fri"]
)
def test_names_steps_and_leap_days_are_read_as_the_server_reads_them(text: str) -> None:
    assert ours(text) == prefects(text)


@pytest.mark.parametrize(
    "text,said",
    [
        ("* * * *", "5 fields, not 4"),
        ("* * * * * *", "5 fields, not 6"),
        ("60 * * * *", "minute '60' is not between 0 and 59"),
        ("* * 0 * *", "day of the month '0' is not between 1 and 31"),
        ("* * L * *", "day of the month 'l' is not between"),
        ("* * * * 5#2", "is no number, range or step"),
        ("*/0 * * * *", "names nothing"),
        ("30-10 * * * *", "names nothing"),
        ("* * * * 0-0", "names nothing"),
        ("0 0 30 feb *", "names no day that exists"),
        ("0 0 */2 * mon", "both restrict"),
        ("0 0 13 * 0-6", "both restrict"),
        ("*-5 * * * *", "is no range"),
        ("1,,2 * * * *", "is no number"),
    ],
)
def test_expression_that_others_might_read_otherwise_is_refused(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said.replace("'", ".").replace("*", ".")):
        Cron.parse(text)


@pytest.mark.parametrize(
    "text,zone,wait",
    [
        ("30 1 * * *", "UTC", timedelta(days=1)),
        ("30 1 * * *", "Europe/Berlin", timedelta(days=1, hours=1)),
        ("0 */6 * * *", "Europe/Berlin", timedelta(hours=7)),
        ("*/5 * * * *", "Europe/Berlin", timedelta(hours=1, minutes=5)),
        ("*/5 8-17 * * mon-fri", "UTC", timedelta(days=2, hours=14, minutes=5)),
        ("0 6 1 1,4,7,10 *", "UTC", timedelta(days=92)),
        ("0 0 29 2 *", "UTC", timedelta(days=1461)),
        ("* * * * *", "UTC", timedelta(minutes=1)),
    ],
)
def test_longest_interval_counts_weekends_and_summer_time(text: str, zone: str, wait: timedelta) -> None:
    assert Cron.parse(text).longest_interval(ZoneInfo(zone), NOW) == wait
