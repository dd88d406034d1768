"""Whether a run started within its window; a late one runs all the same, and says so."""

from datetime import timedelta

from prefect.client.schemas.objects import FlowRun

from proofkeep import events
from proofkeep.configuration.duration import spell_duration

_FIRST = 1


def missed_window(run: FlowRun, window_seconds: int) -> str | None:
    """How late a run's first attempt began, in words, if its window had passed; told as an event too."""
    if run.expected_start_time is None or run.start_time is None:
        return None
    late = run.start_time - run.expected_start_time
    if late <= timedelta(seconds=window_seconds):
        return None
    seconds = round(late.total_seconds())
    if run.run_count <= _FIRST:
        events.emit("window-missed", outcome="failure", late_seconds=seconds, window_seconds=window_seconds)
    return f"{spell_duration(seconds)} late, after its window of {spell_duration(window_seconds)}"
