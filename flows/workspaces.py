"""What Prefect's worker writes for each attempt of a run: its environment, and with it the server's password.

The worker removes it when the attempt has ended. Killed, it leaves that behind, and no later start of it looks there.
"""

import json
import os
import shutil
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient
from prefect.exceptions import ObjectNotFound

from proofkeep import events

PREFIX = "prefect-workspace-attempt-"
ABOUT = "supervisor.json"
"""The file in which the directory says whose run it is."""


def sweep_workspaces(client: SyncPrefectClient, settled: timedelta) -> None:
    """Remove those of this user whose runs ended longer ago than `settled`. One of another server's runs stays.

    Raises:
        OSError: one cannot be removed.
    """
    for path in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        run = _run_of(path)
        if run is not None and _has_ended(client, run, settled):
            shutil.rmtree(path)
            events.emit("workspace-swept", flow_run_id=str(run))


def _run_of(path: Path) -> UUID | None:
    """None where it is not ours to remove, gone meanwhile, or does not say."""
    try:
        if path.is_symlink() or path.stat().st_uid != os.geteuid():
            return None
        return UUID(json.loads((path / ABOUT).read_text("utf-8"))["flow_run_id"])
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return None


def _has_ended(client: SyncPrefectClient, run: UUID, settled: timedelta) -> bool:
    try:
        state = client.read_flow_run(run).state
    except ObjectNotFound:
        return False
    return state is not None and state.is_final() and state.timestamp < datetime.now(UTC) - settled
