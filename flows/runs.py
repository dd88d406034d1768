"""The flow run that this process is in."""

from collections.abc import Callable
from datetime import UTC, datetime

from prefect.client.schemas.objects import FlowRun
from prefect.context import FlowRunContext

_NANOSECONDS = 10**9
_MOST_NAMES = 4


def this_run() -> FlowRun:
    """The flow run whose flow is being called."""
    context = FlowRunContext.get()
    if context is None or context.flow_run is None:
        raise AssertionError("no flow run")
    return context.flow_run


def began_ns(run: FlowRun) -> int:
    """When its first attempt began; the same on every retry."""
    if run.start_time is None:
        raise AssertionError(run.id)
    return nanoseconds(run.start_time)


def nanoseconds(instant: datetime) -> int:
    """An instant as the engine has it."""
    return int(instant.timestamp() * _NANOSECONDS)


def of_entries(repository: object, entries: object) -> str:
    """What a run is about that may be about some entries of a repository alone: by this its name and cards go.

    Args:
        entries: their names; all are meant by none, and by anything that no flow takes.
    """
    names = list(map(str, entries)) if isinstance(entries, list) else []
    shown = names if len(names) <= _MOST_NAMES else [*names[: _MOST_NAMES - 1], f"{len(names) - _MOST_NAMES + 1} more"]
    return f"{', '.join(shown)} in {repository}" if names else str(repository)


def named_by(parameter: str, entries: str | None = None) -> Callable[[], str]:
    """Name runs by a parameter and the instant they were due, which a retry does not change.

    Args:
        parameter: whose value is a name, or has one.
        entries: another one, which may hold names of entries.
    """

    def name() -> str:
        context = FlowRunContext.get()
        due = this_run().expected_start_time
        if context is None or due is None:
            raise AssertionError(parameter)
        given = context.parameters or {}
        subject = given[parameter]
        about = of_entries(getattr(subject, "name", subject), given[entries] if entries else None)
        return f"{about} {due.astimezone(UTC):%Y-%m-%d %H:%MZ}"

    return name
