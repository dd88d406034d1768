"""Instants in JSON: `YYYY-MM-DDTHH:MM:SS.ffffffZ`, always UTC (format.md section 1)."""

from datetime import UTC, datetime, timedelta

from proofkeep.errors import MalformedError

_LAYOUT = "%Y-%m-%dT%H:%M:%S.%fZ"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def to_text(instant_ns: int) -> str:
    """The text of an instant, cut to microseconds."""
    return (_EPOCH + timedelta(microseconds=instant_ns // 1000)).strftime(_LAYOUT)


def from_text(text: object, subject: str) -> int:
    """Nanoseconds since the epoch. Raises `MalformedError`."""
    try:
        instant = datetime.strptime(str(text), _LAYOUT).replace(tzinfo=UTC)
    except ValueError:
        raise MalformedError(f"{subject} holds no valid instant") from None
    return (instant - _EPOCH) // timedelta(microseconds=1) * 1000
