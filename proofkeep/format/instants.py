"""Instants in JSON: `YYYY-MM-DDTHH:MM:SS.ffffffZ`, always UTC (format.md section 1)."""

import re
from datetime import UTC, datetime, timedelta

from proofkeep.errors import MalformedError

_LAYOUT = "%Y-%m-%dT%H:%M:%S.%fZ"
_TEXT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T(?!24)[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def to_text(instant_ns: int) -> str:
    """The text of an instant, cut to microseconds."""
    return (_EPOCH + timedelta(microseconds=instant_ns // 1000)).strftime(_LAYOUT)


def from_text(text: object, subject: str) -> int:
    """Nanoseconds since the epoch. Raises `MalformedError`."""
    spelled = str(text)
    try:
        instant = datetime.fromisoformat(spelled) if _TEXT.fullmatch(spelled) else None
    except ValueError:
        instant = None
    if instant is None:
        raise MalformedError(f"{subject} holds no valid instant")
    return (instant - _EPOCH) // timedelta(microseconds=1) * 1000
