"""Who runs the engine: what ledger and record say of host, service identity and software."""

import hashlib
import os
import socket
from pathlib import Path
from typing import TYPE_CHECKING

from proofkeep import __version__
from proofkeep.state import user

if TYPE_CHECKING:
    from proofkeep.drill.plan import Environment

UNKNOWN = "unknown"

_LOCK = "runtime-lock.txt"
_CHECKOUT_LOCK = Path("requirements/runtime.txt")


def host_name() -> str:
    """This host's name as its kernel has it."""
    return socket.gethostname()


def service_identity() -> str:
    """Name and number of the effective user."""
    return user(os.geteuid())


def software() -> str:
    """`proofkeep <version>`."""
    return f"proofkeep {__version__}"


def lock_digest() -> str:
    """SHA-256 (hex) of the dependency lock this version was built with; "unknown" where there is none.

    A wheel carries it in the package; an editable install has it in the checkout.
    """
    package = Path(__file__).parents[1]
    for lock in (package / _LOCK, package.parent / _CHECKOUT_LOCK):
        if lock.is_file():
            return hashlib.sha256(lock.read_bytes()).hexdigest()
    return UNKNOWN


def environment(*, orchestrator: str | None = None) -> "Environment":
    """Who drills, as the evidence says it."""
    from proofkeep.drill.plan import Environment  # noqa: PLC0415 - a backup starts without loading the drill

    return Environment(host_name(), service_identity(), software(), lock_digest(), orchestrator)
