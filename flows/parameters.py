"""Parameters that a run's flow does not take, by their names; of values nothing is said.

Prefect refuses them where a run is created from a deployment whose form is closed. From any other it lets the run
begin, and its process ends before the flow is called. One that is missing it refuses always.
"""

from typing import Any

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.objects import FlowRun
from prefect.exceptions import ObjectNotFound
from prefect.flows import Flow
from prefect.utilities.callables import parameter_schema

from proofkeep.errors import UsageError


def closed_form(flow: Flow[..., Any]) -> dict[str, Any]:
    """JSON Schema of the flow's parameters, which the UI shows as a form; the server refuses any others."""
    return parameter_schema(flow).model_dump_for_openapi() | {"additionalProperties": False}


def misfit(client: SyncPrefectClient, run: FlowRun) -> UsageError | None:
    """What does not fit the form of the run's deployment; None where all does, or there is no deployment any more."""
    known = _known(client, run)
    unknown = sorted(run.parameters.keys() - known)
    if not (known and unknown):
        return None
    takes = ", ".join(sorted(known))
    return UsageError(f"parameters do not fit the flow, which takes {takes}: unknown {', '.join(unknown)}")


def _known(client: SyncPrefectClient, run: FlowRun) -> set[str]:
    if run.deployment_id is None:
        return set()
    try:
        form = client.read_deployment(run.deployment_id).parameter_openapi_schema or {}
    except ObjectNotFound:
        return set()
    return set(form.get("properties", {}))
