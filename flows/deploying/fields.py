"""A deployment as flat fields, so that what is wanted and what is held can be compared one by one."""

from collections.abc import Iterator, Mapping
from typing import Any

from prefect.client.schemas.objects import DeploymentSchedule
from prefect.client.schemas.responses import DeploymentResponse
from prefect.client.schemas.schedules import CronSchedule

from flows.deploying.wanted import POOL, QUIET, Deployment

Fields = Mapping[str, Any]

CHECKOUT_STEP = "prefect.deployments.steps.set_working_directory"


def pull_steps(deployment: Deployment) -> list[dict[str, Any]]:
    """What a worker does before it starts the flow."""
    return [{CHECKOUT_STEP: {"directory": deployment.checkout}}]


def wanted_fields(deployment: Deployment, form: Any) -> Fields:
    """Of what an inventory wants. `form` is the JSON Schema of the flow's parameters."""
    return {
        "entrypoint": deployment.entrypoint,
        "description": deployment.description,
        "pool": POOL,
        "queue": deployment.queue,
        "pull": pull_steps(deployment),
        "tags": list(deployment.tags),
        "schedules": [_spelled(timing) for timing in deployment.schedules],
        "paused": False,
        "at once": "1, then ENQUEUE",
        "job variables": QUIET,
        "form": form,
        **dict(flat("parameters", deployment.parameters)),
    }


def held_fields(held: DeploymentResponse) -> Fields:
    """Of what a server holds."""
    limit, options = held.global_concurrency_limit, held.concurrency_options
    strategy = options.collision_strategy.value if options else None
    return {
        "entrypoint": held.entrypoint,
        "description": held.description,
        "pool": held.work_pool_name,
        "queue": held.work_queue_name,
        "pull": held.pull_steps,
        "tags": sorted(held.tags),
        "schedules": sorted(_spelled(_timing(schedule)) for schedule in held.schedules),
        "paused": held.paused,
        "at once": f"{limit.limit}, then {strategy}" if limit else None,
        "job variables": held.job_variables,
        "form": held.parameter_openapi_schema,
        **dict(flat("parameters", held.parameters)),
    }


def flat(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Leaves of nested mappings and lists by their dotted names; an empty one is a leaf."""
    if isinstance(value, Mapping) and value:
        for key, child in value.items():
            yield from flat(f"{name}.{key}", child)
    elif isinstance(value, list) and value:
        for number, child in enumerate(value):
            yield from flat(f"{name}.{number}", child)
    else:
        yield name, value


def _timing(held: DeploymentSchedule) -> dict[str, Any]:
    schedule = held.schedule
    if isinstance(schedule, CronSchedule):
        told: dict[str, Any] = {"cron": schedule.cron, "timezone": schedule.timezone}
        if not schedule.day_or:
            told["day_or"] = False
    else:
        told = {"other": schedule.model_dump_json(exclude_none=True)}
    if held.parameters:
        told["parameters"] = held.parameters
    return told | {"active": held.active}


def _spelled(timing: Mapping[str, Any]) -> str:
    """`30 1 * * * UTC`, and whatever else is unusual about it."""
    rest = {name: value for name, value in timing.items() if name not in {"cron", "timezone", "active"}}
    words = [timing.get("cron"), timing.get("timezone"), None if timing["active"] else "inactive", rest or None]
    return " ".join(str(word) for word in words if word is not None)
