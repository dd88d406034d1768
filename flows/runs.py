"""The flow run that this process is in."""

from collections.abc import Callable
from datetime import UTC, datetime

from prefect.client.schemas.objects import FlowRun
from prefect.context import FlowRunContext

_NANOSECONDS = 10**9


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


def named_by(parameter: str) -> Callable[[], str]:
    """Name runs by a parameter and the instant they were due, which a retry does not change.

    Args:
        parameter: whose value is a name, or has one.
    """

    def name() -> str:
        context = FlowRunContext.get()
        due = this_run().expected_start_time
        if context is None or due is None:
            raise AssertionError(parameter)
        subject = (context.parameters or {})[parameter]
        return f"{getattr(subject, 'name', subject)} {due.astimezone(UTC):%Y-%m-%d %H:%MZ}"

    return name
