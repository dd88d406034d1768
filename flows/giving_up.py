"""Why a run ends that gave up on the Prefect server, noted on its host: whom it could tell is away, and it ends untold.

The notes lie beside this host's results. Who finds the run dead (flows/crashes.py) reads them.
"""

import os
import time
from contextlib import suppress
from pathlib import Path

from prefect.client.schemas.objects import FlowRun
from prefect.settings import PREFECT_LOCAL_STORAGE_PATH

from proofkeep import events
from proofkeep.errors import ServerUnavailableError

_FOLDER = "proofkeep-gave-up"
_KEPT_SECONDS = 30 * 86_400  # far longer than anybody looks back for dead runs


def note_giving_up(run: FlowRun, error: ServerUnavailableError) -> None:
    """Note what the run's present attempt ends in; where that cannot be written, an event says so."""
    note = _note(run)
    try:
        note.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        note.write_text(str(error), "utf-8")
        if error.gave_up_ns is not None:
            os.utime(note, ns=(error.gave_up_ns, error.gave_up_ns))
    except OSError as trouble:
        events.emit("giving-up-not-noted", outcome="failure", flow_run_id=str(run.id), kind=type(trouble).__name__)
    with suppress(OSError):  # another process may remove the same
        for each in note.parent.iterdir():
            if each.stat().st_mtime < time.time() - _KEPT_SECONDS:
                each.unlink()


def gave_up(run: FlowRun) -> ServerUnavailableError | None:
    """What the present attempt of a dead run ended in, and when, if it gave up on the server on this host."""
    note = _note(run)
    try:
        told = note.read_text("utf-8")
        at_ns = note.stat().st_mtime_ns
    except (OSError, UnicodeDecodeError):
        return None
    if not told:  # the power was cut
        return None
    error = ServerUnavailableError(told)
    error.gave_up_ns = at_ns
    return error


def _note(run: FlowRun) -> Path:
    return Path(PREFECT_LOCAL_STORAGE_PATH.value()) / _FOLDER / f"{run.id.hex}-{run.run_count}"
