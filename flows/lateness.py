"""Whether a run started within its window; a late one runs all the same, and says so."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any

import httpx
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import FlowRun
from prefect.exceptions import ObjectNotFound
from pydantic import Field

from proofkeep import events
from proofkeep.configuration.duration import spell_duration

WINDOW_SECONDS = 3600
"""Window of a run whose parameters name none."""

Window = Annotated[int, Field(ge=1, le=36_500 * 86_400, description="How late a run may start before it says so.")]

SILENCE_SECONDS = 3600
"""Silence that a fleet bears whose parameters name none."""

Silence = Annotated[
    int, Field(ge=1, le=36_500 * 86_400, description="How long a backup waits in a queue that no worker asks for runs.")
]

_FIRST = 1


def missed_window(run: FlowRun, window_seconds: int) -> dict[str, str]:
    """The rows of its card that say how late a run's first attempt began, if a window had passed; an event too.

    Where a fleet started it that was late itself, there is a row of the fleet's own window.
    """
    if (late := _late(run, window_seconds)) is not None and run.run_count <= _FIRST:
        seconds = round(late.total_seconds())
        events.emit("window-missed", outcome="failure", late_seconds=seconds, window_seconds=window_seconds)
    return started_late(run, window_seconds)


def started_late(run: FlowRun, window_seconds: int) -> dict[str, str]:
    """The rows alone."""
    fleet = _fleet_of(run)
    told = {
        "started": _told(run, window_seconds),
        "its fleet started": None if fleet is None else _told(fleet, window_of(fleet.parameters)),
    }
    return {name: words for name, words in told.items() if words is not None}


def window_of(parameters: Mapping[str, Any]) -> int:
    """The window that a run's parameters name; they may be those that do not fit."""
    options = parameters.get("options")
    named = (options if isinstance(options, dict) else parameters).get("window_seconds")
    return named if isinstance(named, int) else WINDOW_SECONDS


def _told(run: FlowRun, window_seconds: int) -> str | None:
    if (late := _late(run, window_seconds)) is None:
        return None
    words = f"{spell_duration(round(late.total_seconds()))} late, after its window of {spell_duration(window_seconds)}"
    return f"**{words}**"


def _late(run: FlowRun, window_seconds: int) -> timedelta | None:
    if run.expected_start_time is None or run.start_time is None:
        return None
    late = run.start_time - run.expected_start_time
    return late if late.total_seconds() > window_seconds else None


def _fleet_of(run: FlowRun) -> FlowRun | None:
    """The run whose task run started this one; None also where it cannot be asked for, which must fail no backup."""
    if run.parent_task_run_id is None:
        return None
    try:
        with get_client(sync_client=True) as client:
            starter = client.read_task_run(run.parent_task_run_id).flow_run_id
            return None if starter is None else client.read_flow_run(starter)
    except (httpx.HTTPError, ObjectNotFound):
        return None
