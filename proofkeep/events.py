"""What the engine says while it works: structured events with codes, counts and ids; never names, keys or plaintext.

Whoever runs the engine configures structlog (where lines go, which run ids they carry).
"""

import structlog

_log = structlog.get_logger("proofkeep")

Value = str | int | float | bool | None


def emit(action: str, *, outcome: str = "success", **fields: Value) -> None:
    """One event. `action` is a term such as `pack-sealed`; `outcome` is success, failure or unknown."""
    level = _log.error if outcome == "failure" else _log.info
    level(action, outcome=outcome, **fields)
