"""What every flow has in common: it returns a receipt, kept as JSON, and tells its state changes as events."""

from typing import Any, TypedDict

from prefect.client.schemas.objects import FlowRun, State
from prefect.events import emit_event
from prefect.events.related import tags_as_related_resources
from prefect.flows import Flow, FlowStateHook
from prefect.results import ResultSerializer

from flows.heard import ENDED
from flows.logs import tell_flow_state
from flows.outside import tell_cancelled, tell_unless_told
from flows.reconcile import bury

Hook = FlowStateHook[..., Any]


class _Told(TypedDict):
    persist_result: bool
    result_serializer: ResultSerializer
    on_running: list[Hook]
    on_completion: list[Hook]
    on_failure: list[Hook]
    on_crashed: list[Hook]
    on_cancellation: list[Hook]


def telling(*when_crashed: Hook) -> _Told:
    """Arguments of `@flow`.

    Args:
        when_crashed: further hooks that the worker calls when the run's process is gone.
    """
    return {
        "persist_result": True,
        "result_serializer": "json",
        "on_running": [tell_flow_state],
        "on_completion": [tell_flow_state, say_that_it_ended],
        "on_failure": [tell_flow_state, say_that_it_ended, tell_unless_told],
        "on_crashed": [tell_flow_state, say_that_it_ended, bury, *when_crashed],
        "on_cancellation": [tell_flow_state, tell_cancelled],
    }


def say_that_it_ended(flow: Flow[..., Any], flow_run: FlowRun, state: State[Any]) -> None:  # noqa: ARG001 - Prefect's names
    """Hook of flows: behind the last heartbeat and the same way, which is not that of states and may take longer."""
    emit_event(
        ENDED,
        resource={"prefect.resource.id": f"prefect.flow-run.{flow_run.id}"},
        related=tags_as_related_resources(flow_run.tags),
    )
