"""What a field of the inventory may hold; each refuses with a sentence that says what it wants."""

from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, WithJsonSchema

from proofkeep.configuration import entry_name
from proofkeep.configuration.duration import PATTERN, parse_duration
from proofkeep.errors import UsageError
from proofkeep.inventory.cron import Cron

_DAY_SECONDS = 86_400


def _cron(text: str) -> str:
    Cron.parse(text)
    return text


def _zone(text: str) -> str:
    try:
        ZoneInfo(text)
    except (ValueError, OSError, LookupError):
        raise ValueError(f"{text!r} is no time zone such as UTC or America/New_York") from None
    return text


def _duration(text: str) -> str:
    try:
        parse_duration(text)
    except UsageError as error:
        raise ValueError(str(error)) from None
    return text


def _days(text: str) -> str:
    if parse_duration(_duration(text)) % _DAY_SECONDS:
        raise ValueError(f"{text!r} is no whole number of days such as 90d")
    return text


def _with_unit(value: Any) -> Any:
    if isinstance(value, int | float):
        raise ValueError(f"{value} has no unit, write it as 26h, 90m or 90d")  # noqa: TRY004 - what pydantic catches
    return value


_HOST_NAME = r"^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$"
_LINE = r"^[^\x00-\x1f\x7f]+$"
_ABSOLUTE_PATH = r"^/[^\x00-\x1f\x7f]*$"

IN_WORDS = {
    entry_name.PATTERN: entry_name.IN_WORDS,
    _HOST_NAME: "letters and digits, with dots and hyphens between them",
    _LINE: "one line of text",
    _ABSOLUTE_PATH: "a path that begins with /, on one line",
}
"""What a pattern wants, for who did not meet it."""

Name = Annotated[str, StringConstraints(pattern=entry_name.PATTERN, max_length=entry_name.LONGEST)]
"""Of an inventory, entry, repository or block, as Prefect writes names of blocks."""

HostName = Annotated[str, StringConstraints(pattern=_HOST_NAME, max_length=253)]
"""Also the name of the host's work queue."""


def control_queue(host: str) -> str:
    """Name of the host's second work queue, of what is short or a person waits for: no backup stands before it."""
    return f"{host}-control"


def host_of(queue: str) -> str:
    """Name of the host that a work queue is of, whichever of its two it is."""
    return queue.removesuffix(control_queue(""))


Line = Annotated[str, StringConstraints(pattern=_LINE, max_length=200)]
"""One line of text for people; visible to everyone who may use the Prefect UI."""

AbsolutePath = Annotated[str, StringConstraints(pattern=_ABSOLUTE_PATH, max_length=4096)]

CronText = Annotated[str, AfterValidator(_cron), Field(examples=["30 1 * * *"])]
ZoneText = Annotated[str, AfterValidator(_zone), Field(examples=["UTC", "America/New_York"])]

_SPELLED = {"type": "string", "pattern": PATTERN}
DurationText = Annotated[str, BeforeValidator(_with_unit), AfterValidator(_duration), WithJsonSchema(_SPELLED)]
DaysText = Annotated[str, BeforeValidator(_with_unit), AfterValidator(_days), WithJsonSchema(_SPELLED)]
