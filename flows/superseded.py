"""Scheduled runs that piled up while nobody took them: the newest of a deployment stays, the others give way to it.

Prefect keeps every run that came due while a host was away, and its worker would take them all, the oldest first.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, timedelta
from operator import attrgetter
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
    FlowRunFilterTags,
    FlowRunFilterWorkQueueName,
)
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.client.schemas.responses import SetStateStatus
from prefect.states import Cancelled

from flows.history import spelled

SUPERSEDED = "Superseded"
"""Name of the state, whose type is Cancelled: the run did not begin, so that it did nothing and pinged nobody."""


@dataclass(frozen=True, slots=True)
class Superseded:
    """A scheduled run that ended before it began.

    Attributes:
        by: the newer run, which does what it would have done.
        said: the message of its state.
    """

    id: UUID
    name: str
    by: UUID
    said: str


def waiting_on(queues: Sequence[str], tag: str) -> FlowRunFilter:
    """Runs with a tag that no worker has taken from these work queues, those of the future too."""
    return FlowRunFilter(
        state=FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.SCHEDULED])),
        work_queue_name=FlowRunFilterWorkQueueName(any_=list(queues)),
        tags=FlowRunFilterTags(all_=[tag]),
    )


def older(waiting: Iterable[FlowRun]) -> Iterator[tuple[FlowRun, FlowRun]]:
    """Of runs that wait, those that a schedule made and that are due while a newer one is too, each with the newest.

    Two schedules of a deployment may differ in parameters: neither does the other's work.
    """
    newest: dict[tuple[UUID | None, str], FlowRun] = {}
    for run in sorted(filter(_is_due, waiting), key=attrgetter("expected_start_time"), reverse=True):
        work = run.deployment_id, json.dumps(run.parameters, sort_keys=True)
        if (stays := newest.setdefault(work, run)) is not run:
            yield run, stays


def give_way(client: SyncPrefectClient, run: FlowRun, newest: FlowRun) -> Superseded | None:
    """End a run that waits, in favour of `newest`; None where it no longer waits, or the newest was cancelled."""
    if not _is_due(client.read_flow_run(run.id)):
        return None
    stays = client.read_flow_run(newest.id).state
    if newest.expected_start_time is None or stays is None or stays.is_cancelled() or stays.is_cancelling():
        return None
    if any(state.is_final() for state in client.read_flow_run_states(run.id)):  # a person pressed Retry
        return None
    said = f"superseded by the run due at {spelled(newest.expected_start_time.astimezone(UTC))}"
    if client.set_flow_run_state(run.id, Cancelled(name=SUPERSEDED, message=said)).status is not SetStateStatus.ACCEPT:
        return None
    return Superseded(run.id, run.name, newest.id, said)


def waits(run: FlowRun) -> bool:
    """Whether nothing has begun it, and its time has come by the server's clock: ours may err.

    The server may have told it late since it was listed, which is another state.
    """
    return run.state_type is StateType.SCHEDULED and run.run_count == 0 and run.estimated_start_time_delta > timedelta()


def _is_due(run: FlowRun) -> bool:
    """Whether it waits, and a schedule made it."""
    return run.auto_scheduled and waits(run)
