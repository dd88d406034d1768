"""Since when a run fails, and the runs of its entry before it, as the Prefect server remembers them."""

from collections.abc import Sequence
from datetime import datetime
from itertools import takewhile

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import (
    FlowFilter,
    FlowFilterId,
    FlowRunFilter,
    FlowRunFilterName,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.client.schemas.sorting import FlowRunSort

_LOOKED_BACK = 100
_FAILED = (StateType.FAILED, StateType.CRASHED)
_ENDED = [*_FAILED, StateType.COMPLETED]


def since(client: SyncPrefectClient, run: FlowRun, before: Sequence[FlowRun], now: datetime) -> str:
    """When this run failed first, and when the runs of the same entry that failed in a row up to it began to.

    Args:
        before: as `runs_before` tells them.
        now: when it failed this time.
    """
    instants = [state.timestamp for state in client.read_flow_run_states(run.id) if state.type in _FAILED]
    own = spelled(min([*instants, now]))
    row = list(takewhile(lambda each: each.state_type in _FAILED, before))
    if not row:
        return f"{own}; the run before it did not fail" if before else f"{own}; no run before it is known"
    earliest = min((each.end_time or each.start_time or now) for each in row)
    told = "the run" if len(row) == 1 else f"{len(row)} runs in a row"
    return f"{own}; {told} before it failed too, the first {spelled(earliest)}"


def spelled(instant: datetime) -> str:
    """An instant for people, UTC."""
    return f"{instant:%Y-%m-%d %H:%M:%SZ}"


def runs_before(client: SyncPrefectClient, run: FlowRun, subject: str) -> list[FlowRun]:
    """Ended runs of the same flow and subject that were due before this one, newest first.

    Args:
        subject: what their names begin with.
    """
    found = client.read_flow_runs(
        flow_filter=FlowFilter(id=FlowFilterId(any_=[run.flow_id])),
        flow_run_filter=FlowRunFilter(
            name=FlowRunFilterName(like_=f"{subject} "),
            state=FlowRunFilterState(type=FlowRunFilterStateType(any_=_ENDED)),
        ),
        sort=FlowRunSort.EXPECTED_START_TIME_DESC,
        limit=_LOOKED_BACK,
    )
    named = [each for each in found if each.id != run.id and each.name.startswith(f"{subject} ")]
    return [each for each in named if not _is_later(each, run)]


def _is_later(one: FlowRun, other: FlowRun) -> bool:
    due, own = one.expected_start_time, other.expected_start_time
    return due is not None and own is not None and due > own
