"""A host that is lost for good, as a person states it: its runs are made retryable, each with a card that says so.

`reconcile` judges processes, which only their own host can: of a host that is gone nobody tells how its runs ended.
What was due on it and did not begin is ended too: a machine that comes back would read an old source as if it were new.
Silence alone proves nothing, a line may be cut; so a person states it, and whatever was heard of the host contradicts.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import partial

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import WorkQueueFilter, WorkQueueFilterName
from prefect.client.schemas.objects import FlowRun, StateType, WorkQueue
from prefect.states import Cancelled

from blocks.server import named_server
from flows.apart import apart
from flows.crashes import tell_dead
from flows.heard import LONG_AGO, last_word
from flows.history import spelled
from flows.pausing import was_never_resumed
from flows.queues import queues_here, queues_of
from flows.reconcile import OURS, Reconciled, Reconciliation, pages, process_of, runs_under_way, work_through
from flows.standing import entries_of
from flows.superseded import waiting_on, waits
from proofkeep import events
from proofkeep.configuration.duration import spell_duration
from proofkeep.configuration.identity import host_name
from proofkeep.errors import HostLostError, UsageError

SILENCE = timedelta(minutes=15)
"""How long nothing has been heard of a host that may be lost: its worker asks for runs every few seconds, and its
runs' hearts beat every three minutes."""


@dataclass(frozen=True, slots=True)
class WrittenOff:
    """What became of a lost host.

    Attributes:
        runs: as `reconcile` tells them.
        ended: that were due on it and had not begun, which are Cancelled now.
        entries: that its work queue backed up, and that nobody backs up until another host does.
    """

    runs: Reconciliation
    ended: list[Reconciled]
    entries: list[str]


def write_off(host: str, silence: timedelta = SILENCE) -> WrittenOff:
    """Set every run under way on a lost host Crashed, with its task runs and its card; concurrency slots come free.

    So too a Crashed, Cancelled or paused one that has no card gets one; what was due there and has not begun is
    Cancelled. What one run brings up keeps no other from being handled.

    Args:
        host: its name, as a run's label `proofkeep.host` or its work queue has it.
        silence: how long nothing may have been heard of it.

    Raises:
        UsageError, ServerUnavailableError: as `named_server`.
        UsageError: something was heard of the host, it is this one, or nothing is of that name.
    """
    if host in {host_name(), *queues_here()}:
        raise UsageError(f"host {host} is not lost: it is this one")
    done = Reconciliation([], [])
    with named_server() as client:
        names = WorkQueueFilterName(any_=queues_of(host))
        queues = client.read_work_queues(work_queue_filter=WorkQueueFilter(name=names))
        _refuse_heard(client, host, queues, silence)
        ends = (StateType.CRASHED, StateType.CANCELLED, StateType.FAILED)
        told = {how: partial(_tell, host, how) for how in ends}
        work_through(client, done, [], lambda run: _death(client, host, run, silence), told, timedelta())
        ended = _end_waiting(client, host, done)
        if not (queues or done.crashed or done.told or done.troubles):
            raise UsageError(f"no work queue and no run is of host {host}")
        written_off = WrittenOff(done, ended, entries_of(client, host))
    events.emit(
        "host-written-off",
        host=host,
        runs=len(done.crashed),
        ended=len(ended),
        entries=len(written_off.entries),
    )
    return written_off


def _refuse_heard(client: SyncPrefectClient, host: str, queues: list[WorkQueue], silence: timedelta) -> None:
    heard, what = max(_heard(client, host, queues), default=(LONG_AGO, ""))
    if heard > _now(client) - silence:
        asked = f"{spell_duration(round(silence.total_seconds()))} of silence are asked for"
        raise UsageError(f"host {host} is not lost: {what} at {spelled(heard)}, and {asked}")


def _heard(client: SyncPrefectClient, host: str, queues: list[WorkQueue]) -> Iterator[tuple[datetime, str]]:
    """What was heard of a host last."""
    for queue in queues:
        if queue.last_polled is not None:
            yield queue.last_polled, f"a worker asked for runs of queue {queue.name}"
    for run in runs_under_way(client):
        if _ran_on(host, run):
            yield last_word(client, run), f"run {run.id} was heard of"


def _now(client: SyncPrefectClient) -> datetime:
    """By the server's clock, whose words these are; HTTP tells no fractions of a second."""
    return parsedate_to_datetime(client.hello().headers["Date"]) + timedelta(seconds=1)


def _death(client: SyncPrefectClient, host: str, run: FlowRun, silence: timedelta) -> HostLostError | None:
    """Why a run is dead; None for another host's, and for one that was taken or heard of meanwhile."""
    if not _ran_on(host, run) or last_word(client, run) > _now(client) - silence:
        return None
    return _lost(host, run)


def _tell(host: str, how: StateType, client: SyncPrefectClient, run: FlowRun) -> bool:
    """Give a run its card that ended on the host; one that was Cancelled before it began did nothing to be told.

    Of those that Failed, one that was paused there, and that nobody resumed: any other told its end itself.
    """
    if not _ran_on(host, run) or (how is StateType.CANCELLED and run.run_count == 0):
        return False
    if how is StateType.FAILED and not was_never_resumed(run):
        return False
    return tell_dead(client, run, _lost(host, run), how)


def _end_waiting(client: SyncPrefectClient, host: str, done: Reconciliation) -> list[Reconciled]:
    """End what was due on the host and has not begun."""
    ended = []
    for run in list(pages(client, waiting_on(queues_of(host), OURS))):
        with apart(run, done.troubles):
            if waits(run):
                said = f"host {host} is lost, and had not begun this run"
                client.set_flow_run_state(run.id, Cancelled(message=said))
                ended.append(Reconciled(run.id, run.name, None, state="Cancelled"))
    return ended


def _ran_on(host: str, run: FlowRun) -> bool:
    """Whether its process said so, or it was taken from one of the host's queues."""
    process = process_of(run)
    if process is not None and process.host == host:
        return True
    return run.work_queue_name in queues_of(host) and OURS in run.tags


def _lost(host: str, run: FlowRun) -> HostLostError:
    return HostLostError(f"host {host} is lost, and the process of run {run.id} with it")
