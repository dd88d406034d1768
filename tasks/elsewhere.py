"""Runs that a task has started on other hosts: waited for, and given up where nobody takes them any more."""

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.exceptions import ObjectNotFound
from prefect.states import Cancelled, Cancelling

from proofkeep.configuration.duration import spell_duration
from proofkeep.errors import UsageError

POLL_SECONDS = 2.0

_DEPLOYMENT = re.compile("[^/]+/[^/]+")


@contextmanager
def asked_for(deployment: str) -> Iterator[None]:
    """Within, a run of that deployment is asked for.

    Raises:
        UsageError: there is no such deployment, or the name is none of a deployment.
    """
    if not _DEPLOYMENT.fullmatch(deployment):
        raise UsageError(f"{deployment} names no deployment: that is `flow/name`")
    try:
        yield
    except ObjectNotFound:
        raise UsageError(f"deployment {deployment} does not exist at this prefect server") from None


def wait_for(run: FlowRun, silence_seconds: int) -> FlowRun:
    """The run, once it has ended.

    One that has not begun is cancelled when no worker has asked for runs of its queue for so long: its host is off, or
    lost. In a queue that is full it waits its turn, and one that has begun is waited for however long it takes.

    Raises:
        ObjectNotFound: somebody deleted it.
    """
    with get_client(sync_client=True) as client:
        asked, since = None, time.monotonic()
        while (run := client.read_flow_run(run.id)).state is None or not run.state.is_final():
            if run.state_type is StateType.SCHEDULED and run.run_count == 0:
                queue = client.read_work_queue(run.work_queue_id) if run.work_queue_id else None
                last = queue.last_polled if queue else None
                if last != asked:  # by its change, not its age: the server's clock is another one
                    asked, since = last, time.monotonic()
                elif time.monotonic() - since > silence_seconds:
                    silence = f"and none has asked for runs for {spell_duration(silence_seconds)}"
                    give_up(client, run, f"never started: no worker of queue {run.work_queue_name} took it, {silence}")
            time.sleep(POLL_SECONDS)
    return run


def wait_at_most(run: FlowRun, seconds: float) -> FlowRun:
    """The run, once it has ended or so long was waited for. Raises `ObjectNotFound`: somebody deleted it."""
    with get_client(sync_client=True) as client:
        until = time.monotonic() + seconds
        while (run := client.read_flow_run(run.id)).state is None or not run.state.is_final():
            if time.monotonic() >= until:
                break
            time.sleep(POLL_SECONDS)
    return run


def give_up(client: SyncPrefectClient, run: FlowRun, why: str) -> None:
    """Cancel a run, so that nobody does days later what is asked for no more.

    It is Cancelled at once where no worker has taken it; else its worker ends it, or after a while the server does.
    """
    ended = Cancelled if run.state_type is StateType.SCHEDULED else Cancelling
    client.set_flow_run_state(run.id, ended(message=why))
