"""Whether a run started within its window; a late one runs all the same, and says so."""

from datetime import timedelta

from prefect.client.schemas.objects import FlowRun

from proofkeep import events
from proofkeep.configuration.duration import spell_duration

_FIRST = 1


def missed_window(run: FlowRun, window_seconds: int) -> dict[str, str]:
    """The row of its card that says how late a run's first attempt began, if its window had passed; an event too."""
    if (late := _late(run, window_seconds)) is not None and run.run_count <= _FIRST:
        seconds = round(late.total_seconds())
        events.emit("window-missed", outcome="failure", late_seconds=seconds, window_seconds=window_seconds)
    return started_late(run, window_seconds)


def started_late(run: FlowRun, window_seconds: int) -> dict[str, str]:
    """The row alone."""
    if (late := _late(run, window_seconds)) is None:
        return {}
    words = f"{spell_duration(round(late.total_seconds()))} late, after its window of {spell_duration(window_seconds)}"
    return {"started": f"**{words}**"}


def _late(run: FlowRun, window_seconds: int) -> timedelta | None:
    if run.expected_start_time is None or run.start_time is None:
        return None
    late = run.start_time - run.expected_start_time
    return late if late > timedelta(seconds=window_seconds) else None
