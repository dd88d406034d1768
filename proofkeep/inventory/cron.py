"""Cron expressions of five fields, as Prefect reads them, and the instants they name in their time zone.

Numbers, names of months and weekdays, lists, ranges and steps. A day matches if day of the month or day of the week
does, where both are restricted (crontab(5)). What else some readers take (`@daily`, `L`, `#`, `?`, a sixth field), or
take differently (`*/2` beside a weekday), is refused: two readers of one inventory must not differ.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo
from itertools import pairwise
from typing import Self
from zoneinfo import ZoneInfo

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_PART = re.compile(r"(?P<first>\*|\w+)(?:-(?P<last>\w+))?(?:/(?P<step>\d{1,4}))?")
_DAYS_OF_MONTH = 31
_DAYS_SEARCHED = 8 * 366 + 1  # 29 February comes at most eight years after the last one
_YEAR = timedelta(days=400)
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    low: int
    high: int
    names: tuple[str, ...] = ()
    first_name: int = 0

    def parse(self, text: str) -> frozenset[int]:
        """Every number that the field allows. Raises `ValueError`."""
        return frozenset(number for part in text.split(",") for number in self._numbers(part))

    def _numbers(self, part: str) -> range:
        found = _PART.fullmatch(part.lower())
        if found is None:
            raise ValueError(f"{self.name} {part!r} is no number, range or step")
        step = int(found["step"] or 1)
        if found["first"] == "*":
            if found["last"]:
                raise ValueError(f"{self.name} {part!r} is no range")
            first, last = self.low, self.high
        else:
            first = self._number(found["first"])
            # `5/15` means every fifteenth from 5 on, as `5-59/15` does.
            last = self._number(found["last"]) if found["last"] else self.high if found["step"] else first
        # A range of one number means the whole week to some readers.
        if step < 1 or first > last or (found["last"] and first == last):
            raise ValueError(f"{self.name} {part!r} names nothing")
        return range(first, last + 1, step)

    def _number(self, text: str) -> int:
        number = self.names.index(text) + self.first_name if text in self.names else -1
        if number < 0 and text.isascii() and text.isdigit():
            number = int(text)
        if not self.low <= number <= self.high:
            raise ValueError(f"{self.name} {text!r} is not between {self.low} and {self.high}")
        return number


_FIELDS = (
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day of the month", 1, _DAYS_OF_MONTH),
    _Field("month", 1, 12, _MONTHS, 1),
    _Field("day of the week", 0, 7, _WEEKDAYS, 0),
)


@dataclass(frozen=True, slots=True)
class Cron:
    """What an expression allows, each a set of numbers; weekdays count from Sunday, which is 0."""

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    either_day: bool

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read an expression.

        Raises:
            ValueError: it is malformed, or names an instant that never comes; says which field.
        """
        words = text.split()
        if len(words) != len(_FIELDS):
            raise ValueError(f"a cron expression has {len(_FIELDS)} fields, not {len(words)}")
        minutes, hours, days, months, weekdays = (field.parse(word) for field, word in zip(_FIELDS, words, strict=True))
        weekdays = frozenset(day % len(_WEEKDAYS) for day in weekdays)
        either_day = "*" not in {words[2], words[4]}
        every = len(days) == _DAYS_OF_MONTH or len(weekdays) == len(_WEEKDAYS)
        if either_day and (every or "*" in words[2] + words[4]):
            raise ValueError(
                "days of month and week that both restrict are written without *, and every day as * alone"
            )
        cron = cls(minutes, hours, days, months, weekdays, either_day)
        if next(cron.local_times(datetime(2000, 1, 1)), None) is None:  # noqa: DTZ001 - wall clocks have no zone
            raise ValueError("it names no day that exists")
        return cron

    def local_times(self, after: datetime) -> Iterator[datetime]:
        """Wall-clock times later than `after`, in order, for as long as one comes within eight years of the last."""
        day, searched = after.replace(hour=0, minute=0, second=0, microsecond=0), 0
        while searched < _DAYS_SEARCHED:
            searched += 1
            if self._allows(day):
                for hour in sorted(self.hours):
                    for minute in sorted(self.minutes):
                        if (found := day.replace(hour=hour, minute=minute)) > after:
                            searched = 0
                            yield found
            day += _DAY

    def instants(self, zone: ZoneInfo, after: datetime) -> Iterator[datetime]:
        """Instants in UTC later than the aware `after`."""
        for local in self.local_times(after.astimezone(zone).replace(tzinfo=None)):
            yield local.replace(tzinfo=zone).astimezone(UTC)

    def longest_interval(self, zone: ZoneInfo, after: datetime) -> timedelta:
        """The longest wait between two runs that follow each other, in the next year or between the next few days."""
        start = after.astimezone(zone).replace(tzinfo=None)
        first, last = (min(self.hours), min(self.minutes)), (max(self.hours), max(self.minutes))
        days = list(self._days(start, start + _YEAR))
        waits = [later - earlier for earlier, later in pairwise(self._on(start, UTC))]
        for day in days:
            if _shifts(day, zone):  # an hour of it is there twice or not at all
                waits += [later - earlier for earlier, later in pairwise(self._on(day, zone))]
        for day, next_day in pairwise(days):
            ended, begun = (
                datetime.combine(at, time(*clock), zone).astimezone(UTC)
                for at, clock in ((day, last), (next_day, first))
            )
            waits.append(begun - ended)
        return max(waits)

    def _on(self, day: datetime, zone: tzinfo) -> list[datetime]:
        """Instants of one day that matches, in order."""
        clocks = (time(hour, minute) for hour in self.hours for minute in self.minutes)
        return sorted({datetime.combine(day, clock, zone).astimezone(UTC) for clock in clocks})

    def _days(self, first: datetime, until: datetime) -> Iterator[datetime]:
        """Days that match, up to `until`, and beyond it as many as make two."""
        midnight = first.replace(hour=0, minute=0, second=0, microsecond=0)
        found = 0
        for number in range(2 * _DAYS_SEARCHED):
            day = midnight + number * _DAY
            if day > until and found > 1:
                return
            if self._allows(day):
                found += 1
                yield day

    def _allows(self, day: datetime) -> bool:
        if day.month not in self.months:
            return False
        of_month, of_week = day.day in self.days, day.isoweekday() % 7 in self.weekdays
        return of_month or of_week if self.either_day else of_month and of_week


def _shifts(day: datetime, zone: tzinfo) -> bool:
    """Whether the zone's offset changes on a day."""
    return day.replace(tzinfo=zone).utcoffset() != (day + _DAY).replace(tzinfo=zone).utcoffset()
