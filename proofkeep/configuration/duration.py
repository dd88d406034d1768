"""Durations as people write them: `26h`, `90m`, `8d`, `1d12h`."""

import re

from proofkeep.errors import UsageError

_SECONDS = {"w": 604_800, "d": 86_400, "h": 3600, "m": 60, "s": 1}
LONGEST_SECONDS = 36_500 * _SECONDS["d"]
PATTERN = "^([0-9]{1,9}w)?([0-9]{1,9}d)?([0-9]{1,9}h)?([0-9]{1,9}m)?([0-9]{1,9}s)?$"
"""For schemas and forms; what is nothing or too long is left to `parse_duration`."""

DEFAULT_ALLOWED_AGE = "26h"
"""Of an entry that says nothing: a backup a night, and two hours for it to be late or long."""


def parse_duration(spelled: str) -> int:
    """Seconds; units `w`, `d`, `h`, `m` and `s`, each at most once and in this order.

    Raises:
        UsageError: it is spelled otherwise, is nothing, or more than a hundred years.
    """
    found = re.fullmatch(PATTERN, spelled)
    parts = [part for part in found.groups() if part] if found else []
    seconds = sum(int(part[:-1]) * _SECONDS[part[-1]] for part in parts)
    if not 0 < seconds <= LONGEST_SECONDS:
        raise UsageError(f"duration {spelled!r} is no span of time such as 26h, 90m or 1d12h")
    return seconds


def spell_duration(seconds: int) -> str:
    """The largest unit that says something, and the next one if it does: `1d2h` for 26 hours and some seconds."""
    parts: list[str] = []
    for unit in "dhms":
        count, seconds = divmod(seconds, _SECONDS[unit])
        if count:
            parts.append(f"{count}{unit}")
        elif parts:
            break
    return "".join(parts[:2]) or "0s"
