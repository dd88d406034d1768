"""Since when a run fails, and the runs of its entry before it, as the Prefect server remembers them."""

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import takewhile

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import (
    FlowFilter,
    FlowFilterId,
    FlowRunFilter,
    FlowRunFilterEndTime,
    FlowRunFilterName,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.client.schemas.sorting import FlowRunSort

from flows.heard import last_heard, last_sign
from proofkeep.errors import HostLostError, ProcessGoneError, ProofkeepError, ServerUnavailableError

_LOOKED_BACK = 100
_NANOSECONDS = 10**9
_FAILED = (StateType.FAILED, StateType.CRASHED)
_ENDED = [*_FAILED, StateType.COMPLETED]


def since(client: SyncPrefectClient, run: FlowRun, subject: str, error: ProofkeepError, now: datetime) -> str:
    """When this run failed first, and when the runs of the same entry that failed in a row up to then began to.

    A process that was killed tells no instant: it died between its last sign of life and when that was noticed. And a
    server that is away went between the last that it heard of the run before that gave up, and then.

    Args:
        subject: what the runs of the same entry are called by.
        now: when it failed this time.
    """
    failed = [state for state in client.read_flow_run_states(run.id) if state.type in _FAILED]
    first = min(failed, key=lambda state: state.timestamp, default=None)
    noticed = now if first is None else min(first.timestamp, now)
    killed = isinstance(error, ProcessGoneError | HostLostError) if first is None else first.type is StateType.CRASHED
    if (gave_up := _gave_up(error, now)) is not None and gave_up <= noticed:
        noticed, heard = gave_up, last_heard(client, run, gave_up)
    else:
        heard = last_sign(client, run, noticed) if killed else noticed
    own = _between(heard, noticed)
    before = _ended_before(client, run, subject, heard)
    latest = next(before, None)
    if latest is None or latest.state_type not in _FAILED:
        return f"{own}; no run before it is known" if latest is None else f"{own}; the run before it did not fail"
    row = [latest, *takewhile(lambda each: each.state_type in _FAILED, before)]
    told = "the run" if len(row) == 1 else f"{len(row)} runs in a row"
    ended = row[-1].end_time or now
    alive = last_sign(client, row[-1], ended) if row[-1].state_type is StateType.CRASHED else ended
    return f"{own}; {told} before it failed too, the first {_between(alive, ended)}"


def _gave_up(error: ProofkeepError, now: datetime) -> datetime | None:
    """When a run gave up on the server, which ends it; None where something else does."""
    if not isinstance(error, ServerUnavailableError):
        return None
    return now if error.gave_up_ns is None else datetime.fromtimestamp(error.gave_up_ns / _NANOSECONDS, UTC)


def _between(earliest: datetime, latest: datetime) -> str:
    one, other = spelled(earliest), spelled(latest)
    return one if one == other else f"between {one} and {other}"


def spelled(instant: datetime) -> str:
    """An instant for people, UTC."""
    return f"{instant:%Y-%m-%d %H:%M:%SZ}"


def _ended_before(client: SyncPrefectClient, run: FlowRun, subject: str, until: datetime) -> Iterator[FlowRun]:
    """Runs of the same flow and subject by when they ended, the last first: a Retry ends long after it was due."""
    found = client.read_flow_runs(
        flow_filter=FlowFilter(id=FlowFilterId(any_=[run.flow_id])),
        flow_run_filter=FlowRunFilter(
            name=FlowRunFilterName(like_=f"{subject} "),
            state=FlowRunFilterState(type=FlowRunFilterStateType(any_=_ENDED)),
            end_time=FlowRunFilterEndTime.model_validate({"before_": until}),
        ),
        sort=FlowRunSort.END_TIME_DESC,
        limit=_LOOKED_BACK,
    )
    return (each for each in found if each.id != run.id and each.name.rsplit(" ", 2)[0] == subject)
