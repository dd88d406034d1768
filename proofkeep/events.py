"""What the engine says while it works: structured events with codes, counts and ids; never names, keys or plaintext.

Whoever runs the engine configures structlog (where lines go, which run ids they carry).
"""

from typing import Any

Value = str | int | float | bool | None

_log: Any = None
_heard = True


def listen(*, heard: bool) -> None:
    """Whether anybody hears events in this process.

    Where nobody does, structlog is not loaded: it takes as long as a backup that finds nothing new.
    """
    global _heard  # noqa: PLW0603 - of the whole process, as structlog's own configuration is
    _heard = heard


def emit(action: str, *, outcome: str = "success", **fields: Value) -> None:
    """One event. `action` is a term such as `pack-sealed`; `outcome` is success, failure or unknown."""
    if not _heard:
        return
    log = _log or _logger()
    level = log.error if outcome == "failure" else log.info
    level(action, outcome=outcome, **fields)


def _logger() -> Any:
    global _log  # noqa: PLW0603 - loaded once
    import structlog  # noqa: PLC0415 - see `listen`

    _log = structlog.get_logger("proofkeep")
    return _log
