"""What every flow has in common: it returns a receipt, kept as JSON, and tells its state changes as events."""

from typing import Any, TypedDict

from prefect.flows import FlowStateHook
from prefect.results import ResultSerializer

from flows.logs import tell_flow_state


class _Told(TypedDict):
    persist_result: bool
    result_serializer: ResultSerializer
    on_running: list[FlowStateHook[..., Any]]
    on_completion: list[FlowStateHook[..., Any]]
    on_failure: list[FlowStateHook[..., Any]]
    on_crashed: list[FlowStateHook[..., Any]]
    on_cancellation: list[FlowStateHook[..., Any]]


TOLD: _Told = {
    "persist_result": True,
    "result_serializer": "json",
    "on_running": [tell_flow_state],
    "on_completion": [tell_flow_state],
    "on_failure": [tell_flow_state],
    "on_crashed": [tell_flow_state],
    "on_cancellation": [tell_flow_state],
}
