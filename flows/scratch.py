"""Plaintext that a drill left in memory when its process was killed: removed by who notices, its worker or `reconcile`.

Sealed scratch has lost its key with the process; the next drill removes the ciphertext.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from prefect.client.schemas.objects import FlowRun, State
from prefect.flows import Flow

from proofkeep.drill.plan import SHARED_MEMORY
from proofkeep.drill.private import sweep
from proofkeep.errors import TargetError


def sweep_memory(parameters: Mapping[str, Any]) -> int:
    """Remove what no living drill works in from the tmpfs of a run with these parameters; how much there was.

    Raises:
        TargetError: something cannot be removed.
    """
    try:
        return sweep(Path(memory_named_by(parameters) or SHARED_MEMORY))
    except OSError as error:
        why = os.strerror(error.errno or 0).lower()
        raise TargetError(f"scratch of a killed drill cannot be removed: {why}") from None


def memory_named_by(parameters: Mapping[str, Any]) -> str:
    """The tmpfs that these parameters name, if they do and as far as they make sense."""
    options = parameters.get("options")
    chosen = options.get("tmpfs") if isinstance(options, Mapping) else None
    return chosen if isinstance(chosen, str) else ""


def sweep_when_crashed(flow: Flow[..., Any], flow_run: FlowRun, state: State[Any]) -> None:  # noqa: ARG001 - Prefect's names
    """Hook of the drill's flow: its worker calls it."""
    sweep_memory(flow_run.parameters)
