"""Which process on which host works on a flow run, and where its journal lies, recorded in the run's labels.

So a retry on another host is refused before it would read the source anew, and `reconcile` can tell a run whose process
is gone.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import FlowRun
from prefect.exceptions import ObjectNotFound

from proofkeep.aftermath import left_by
from proofkeep.configuration.identity import host_name
from proofkeep.errors import EntryMovedError, WrongHostError

_HOST, _PID, _BOOT, _STARTED = (f"proofkeep.{name}" for name in ("host", "pid", "boot", "started"))
_ATTEMPT = "proofkeep.attempt"  # a retry is Running a moment before it says so: till then the labels are the last one's
JOURNAL = "proofkeep.journal"
"""Label with the host that holds the run's journal and spool, where a retry has to run."""
TAKEN = "proofkeep.taken"
"""Label with the ids of the runs that a `resume_transfers` without names took, for its Retry to know them by."""

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_NOT_SHOWN = -1
_START_TIME_FIELD = 19  # of /proc/<pid>/stat behind the command's closing parenthesis: proc(5), field 22


@dataclass(frozen=True, slots=True)
class ProcessMark:
    """A process, told apart from every other one that has or had its number.

    Attributes:
        boot: the kernel's id of this boot.
        started: start time in clock ticks since boot.
    """

    host: str
    pid: int
    boot: str
    started: int

    @classmethod
    def mine(cls) -> Self:
        """This process."""
        pid = os.getpid()
        started = _start_time(pid)
        if started is None:
            raise AssertionError(pid)
        return cls(host_name(), pid, _boot(), started)

    @classmethod
    def from_labels(cls, labels: Mapping[str, Any]) -> Self | None:
        """What a run's labels say; None for a run that never began on any host, or where they were changed."""
        try:
            return cls(str(labels[_HOST]), int(labels[_PID]), str(labels[_BOOT]), int(labels[_STARTED]))
        except (KeyError, ValueError):
            return None

    def labels(self) -> dict[str, Any]:
        """The labels of a run that this process works on."""
        return {_HOST: self.host, _PID: self.pid, _BOOT: self.boot, _STARTED: self.started}

    def is_dead(self) -> bool:
        """Whether this process of this host is gone; ask only on its own host."""
        return self.boot != _boot() or _start_time(self.pid) not in {self.started, _NOT_SHOWN}


def has_lost_its_process(run: FlowRun) -> bool:
    """Whether a process said that it works on the run, and the labels were changed so that they do not say which."""
    return _HOST in run.labels and ProcessMark.from_labels(run.labels) is None


def claim(run: FlowRun) -> None:
    """Say in the flow run's labels that this process works on it."""
    label(run, {**ProcessMark.mine().labels(), _ATTEMPT: run.run_count})


def at_work_on(run: FlowRun) -> ProcessMark | None:
    """The process that said it works on the run's present attempt; None before one did."""
    return ProcessMark.from_labels(run.labels) if run.labels.get(_ATTEMPT, run.run_count) == run.run_count else None


def refuse_elsewhere(run: FlowRun, state: Path) -> None:
    """Refuse a retry on a host that does not hold the run's journal in the state directory `state`.

    Raises:
        WrongHostError: it began on another host, and its journal is not here.
    """
    mine, before = host_name(), run.labels.get(JOURNAL)
    if before not in {None, mine} and not any(state.glob(f"*/runs/{run.id.hex}")):
        raise WrongHostError(f"journal of run {run.id} lies on host {before}, not on {mine}")


def refuse_moved(run: FlowRun, state: Path) -> None:
    """Refuse a backup whose deployment is on another work queue by now: that one's host may hold an older source.

    What the run has sealed to its end it sends.

    Raises:
        EntryMovedError: the deployment moved, and the run would read its source.
    """
    if run.deployment_id is None:
        return
    with get_client(sync_client=True) as client:
        try:
            queue = client.read_deployment(run.deployment_id).work_queue_name
        except ObjectNotFound:  # somebody deleted it, and it is nobody else's now
            return
    if queue == run.work_queue_name:
        return
    left = left_by(state, run.id.bytes)
    if left is None or not left.sealed or left.missing or left.committed is not None:
        raise EntryMovedError(f"run {run.id} is of work queue {run.work_queue_name}, its deployment of {queue} by now")


def claim_journal(run: FlowRun) -> None:
    """Say in the flow run's labels that its journal lies on this host."""
    label(run, {JOURNAL: host_name()})


def label(run: FlowRun, labels: dict[str, Any]) -> None:
    """Add to the labels of the run at the server; `run` itself stays as it was read."""
    with get_client(sync_client=True) as client:
        client.update_flow_run_labels(run.id, labels)


def _boot() -> str:
    return _BOOT_ID.read_text("ascii").strip()


def _start_time(pid: int) -> int | None:
    """Start time of a process in ticks since boot; None when there is none of that number or it is a zombie."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text("utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return _NOT_SHOWN if _is_taken(pid) else None
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] == "Z" else int(fields[_START_TIME_FIELD])


def _is_taken(pid: int) -> bool:
    """Whether there is a process of that number, which /proc hides from us where it is mounted with hidepid."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True
