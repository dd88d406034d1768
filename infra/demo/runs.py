"""Flow runs of the demo, called in this process against its server, and what the server recorded of them."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId
from prefect.client.schemas.objects import State
from prefect.flows import Flow

from infra.demo.failure import DemoError, FlowFailedError

COMPLETED = "Completed"

RECORDED_WITHIN_SECONDS = 20.0
ASK_AGAIN_SECONDS = 0.2


@dataclass(frozen=True)
class Run:
    """One flow run that ended well.

    Attributes:
        result: what the flow returned.
        seconds: as a person waits.
    """

    flow: str
    id: UUID
    result: Any
    seconds: float


@dataclass(frozen=True)
class Recorded:
    """What Prefect's server says of a run: its state's name, and that of each of its task runs."""

    flow: str
    state: str
    tasks: dict[str, str] = field(default_factory=dict)

    @property
    def completed(self) -> bool:
        """Whether the run and each of its task runs ended well."""
        return {self.state, *self.tasks.values()} == {COMPLETED}


def run(flow: Flow[..., Any], *arguments: Any, **options: Any) -> Run:
    """Run a flow to its end.

    Raises:
        FlowFailedError: it did not complete.
        DemoError: it did not even begin.
    """
    began = time.monotonic()
    state: State[Any] = flow(*arguments, **options, return_state=True)  # type: ignore[assignment] # as overloads have it
    seconds = time.monotonic() - began
    identity = state.state_details.flow_run_id
    if identity is None:
        raise DemoError(f"flow {flow.name} ran without the server")
    if state.name != COMPLETED:
        raise FlowFailedError(f"flow {flow.name} ended {state.name}: {state.message}", identity)
    return Run(flow.name, identity, state.result(), seconds)


def recorded(runs: list[Run]) -> list[Recorded]:
    """What the server knows of these runs, once it has digested every task run's end."""
    with get_client(sync_client=True) as client:
        return [_wait_for(partial(_read, client, each)) for each in runs]


def _wait_for(read: Callable[[], Recorded]) -> Recorded:
    deadline = time.monotonic() + RECORDED_WITHIN_SECONDS
    while not (seen := read()).completed and time.monotonic() < deadline:
        time.sleep(ASK_AGAIN_SECONDS)
    return seen


def _read(client: SyncPrefectClient, each: Run) -> Recorded:
    state = client.read_flow_run(each.id).state
    of_this_run = FlowRunFilter(id=FlowRunFilterId(any_=[each.id]))
    tasks = client.read_task_runs(flow_run_filter=of_this_run)
    return Recorded(
        each.flow,
        state.name if state and state.name else "unknown",
        {task.name: task.state_name or "unknown" for task in tasks},
    )
