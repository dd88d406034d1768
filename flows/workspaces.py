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

from flows.host import at_work_on
from proofkeep import events
from proofkeep.configuration.identity import host_name

PREFIX = "prefect-workspace-attempt-"
ABOUT = "supervisor.json"
"""The file in which the directory says whose run it is."""


def sweep_workspaces(client: SyncPrefectClient, settled: timedelta) -> None:
    """Remove those of this user whose runs ended longer ago than `settled`. One of another server's runs stays.

    Raises:
        OSError: one cannot be removed.
    """
    kept: list[OSError] = []
    for path in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        run = _run_of(path)
        if run is None or not _has_ended(client, run, settled):
            continue
        try:
            shutil.rmtree(path)
        except FileNotFoundError:  # its worker, or another reconcile, removed it meanwhile
            continue
        except OSError as error:
            kept.append(error)
        else:
            events.emit("workspace-swept", flow_run_id=str(run))
    if kept:
        raise kept[0]


def _run_of(path: Path) -> UUID | None:
    """None where it is not ours to remove, gone meanwhile, or does not say."""
    try:
        if path.is_symlink() or path.stat().st_uid != os.geteuid():
            return None
        return UUID(json.loads((path / ABOUT).read_text("utf-8"))["flow_run_id"])
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return None


def _has_ended(client: SyncPrefectClient, run: UUID, settled: timedelta) -> bool:
    """Whether a run and its process have: one that others set Crashed may live, and needs it to tell its end."""
    try:
        flow_run = client.read_flow_run(run)
    except ObjectNotFound:
        return False
    state, process = flow_run.state, at_work_on(flow_run)
    if process is not None and process.host == host_name() and not process.is_dead():
        return False
    return state is not None and state.is_final() and state.timestamp < datetime.now(UTC) - settled
