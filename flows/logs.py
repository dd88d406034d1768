"""Events of a run: one JSON object a line, each with the ids of its flow run and task run.

Everything goes to the file that PROOFKEEP_EVENT_LOG names, or to standard error. What a person at the Prefect UI needs
(failures, and what happens once a run) goes to the run's log there as well; an event for each pack would flood it.
"""

import io
import logging
import os
import sys
from typing import Any, TextIO

import structlog
from prefect.client.schemas.objects import FlowRun, State
from prefect.context import FlowRunContext, TaskRunContext
from prefect.flows import Flow
from prefect.logging import get_run_logger
from structlog.typing import EventDict, WrappedLogger

from tasks.states import tell_state

EVENT_LOG = "PROOFKEEP_EVENT_LOG"

_OF_EACH_PACK = frozenset({"pack-sealed", "pack-sent", "pack-verified"})
_PREFECTS_OWN = frozenset({"flow-run-state", "task-run-state"})
_HOOK_LINES = ("Running hook ", "Hook ")


def configure() -> None:
    """Send the engine's events where this module says; safe to repeat."""
    structlog.configure(
        processors=[
            _without_traceback,
            _add_run_ids,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _tell_prefect,
            structlog.processors.JSONRenderer(sort_keys=True),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.WriteLoggerFactory(_destination()),
        cache_logger_on_first_use=False,
    )
    for name in ("prefect.engine", "prefect.flow_runs", "prefect.task_runs"):
        logging.getLogger(name).addFilter(_no_hook_lines)


def tell_flow_state(flow: Flow[..., Any], flow_run: FlowRun, state: State[Any]) -> None:
    """Hook of flows; the worker, which calls it when a run was cancelled or crashed, has configured nothing."""
    configure()
    tell_state(flow, flow_run, state)


class _EventFile(io.StringIO):
    """Appends each line with one write, so that processes may share the file."""

    def __init__(self, path: str) -> None:
        super().__init__()
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)

    def write(self, text: str) -> int:
        """Append."""
        os.write(self._descriptor, text.encode())
        return len(text)


_open_files: dict[str, _EventFile] = {}


def _destination() -> TextIO:
    path = os.environ.get(EVENT_LOG)
    if not path:
        return sys.stderr
    if path not in _open_files:
        _open_files[path] = _EventFile(path)
    return _open_files[path]


def _without_traceback(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Tracebacks carry foreign text and, rendered by structlog's default, the locals of every frame."""
    event.pop("exc_info", None)
    event.pop("stack_info", None)
    return event


def _add_run_ids(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Ids of the runs in whose context the event happened; engine threads carry copies of that context."""
    task, flow = TaskRunContext.get(), FlowRunContext.get()
    if flow is not None and flow.flow_run is not None:
        event.setdefault("flow_run_id", str(flow.flow_run.id))
    if task is not None:
        event.setdefault("task_run_id", str(task.task_run.id))
        event.setdefault("task", task.task.name)
    return event


def _tell_prefect(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Repeat in the run's log what a person needs there; outside a run there is nobody to tell."""
    action = event["event"]
    if action in _OF_EACH_PACK | _PREFECTS_OWN or (TaskRunContext.get() or FlowRunContext.get()) is None:
        return event
    known = {"event", "level", "timestamp", "flow_run_id", "task_run_id", "task", "outcome"}
    facts = " ".join(f"{name}={event[name]}" for name in sorted(event.keys() - known))
    level = logging.WARNING if event.get("outcome") == "failure" else logging.INFO
    get_run_logger().log(level, "%s %s", action, facts)
    return event


def _no_hook_lines(record: logging.LogRecord) -> bool:
    """Prefect says four times a task run that it called the hook that tells the state."""
    return not record.getMessage().startswith(_HOOK_LINES)
