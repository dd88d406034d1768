"""Where the engine's events go: nowhere, or (`--log json`) to standard error, one JSON object a line.

No frame locals, no tracebacks of foreign libraries, no lines of theirs: what they say may hold names or keys.
"""

import logging
import sys
from types import TracebackType
from typing import Any

from proofkeep import events

JSON = "json"


def configure(log: str | None) -> None:
    """Send events to standard error as JSON lines if `log` says so, else nowhere."""
    logging.getLogger().addHandler(logging.NullHandler())
    events.listen(heard=log == JSON)
    if log != JSON:
        return
    import structlog  # noqa: PLC0415 - see `events.listen`

    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )


def describe_defect(kind: type[BaseException], trace: TracebackType | None) -> dict[str, Any]:
    """An exception that should not have come this far: its type and places in our code, nothing it says."""
    places = []
    while trace is not None:
        code = trace.tb_frame.f_code
        places.append(f"{code.co_filename}:{trace.tb_lineno} in {code.co_qualname}")
        trace = trace.tb_next
    return {"type": kind.__name__, "places": places}
