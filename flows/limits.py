"""Slots that a flow run holds while it works: a lease, renewed, given back for a killed run by who finds it dead."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from typing import ParamSpec, TypeVar
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.objects import ConcurrencyLeaseHolder, FlowRun
from prefect.client.schemas.responses import GlobalConcurrencyLimitResponse
from prefect.concurrency.context import ConcurrencyContext
from prefect.concurrency.sync import concurrency
from prefect.exceptions import ObjectNotFound
from prefect.tasks import Task

from flows.host import label
from flows.waiting import told_while_it_lasts
from tasks.retries import delays
from tasks.unanswered import unanswered

P = ParamSpec("P")
R = TypeVar("R")

LEASE_SECONDS = 120
"""How long a slot outlives a killed process whose death nobody notices; renewed well before."""
LEASE = "proofkeep.lease"
"""Label with the lease of the run's slot."""


def repository_limit(repository: str) -> str:
    """Name of the limit over backups into a repository, from all hosts."""
    return f"proofkeep-repository-{repository}"


@contextmanager
def slot_at(repository: str, run: FlowRun) -> Iterator[None]:
    """A slot of the repository's limit over all hosts, waited for; at once where no limit is set.

    Losing the lease to a server that is away ends no backup: the limit spares the store, nothing rests on it.
    """
    name = repository_limit(repository)
    if _limit(name) is None:
        yield
        return
    holder = ConcurrencyLeaseHolder(type="flow_run", id=run.id)
    slot = concurrency(name, lease_duration=LEASE_SECONDS, holder=holder, raise_on_lease_renewal_failure=False)
    with ExitStack() as held:
        with told_while_it_lasts(lambda: _why(name, repository)):
            held.enter_context(_kept_from_the_run(slot))
        if (context := ConcurrencyContext.get()) and context.cleanup_lease_ids:  # Prefect tells the lease nowhere else
            label(run, {LEASE: str(context.cleanup_lease_ids[-1])})
        yield


@contextmanager
def _kept_from_the_run(slot: AbstractContextManager[None]) -> Iterator[None]:
    """The slot; that the server is away when it is given back ends nothing, since its lease ends by itself."""
    with ExitStack() as held:
        held.enter_context(slot)
        yield
        try:
            held.pop_all().close()
        except Exception as error:
            if unanswered("slot", error) is None:
                raise


def give_slot_back(client: SyncPrefectClient, run: FlowRun) -> None:
    """Give back the slot that a dead run held; one that was given back, or whose lease has ended, stays as it is."""
    with suppress(ValueError):  # none, or the label was changed
        client.release_concurrency_slots_with_lease(UUID(str(run.labels.get(LEASE))))


def durable(step: Task[P, R], attempts: int) -> Task[P, R]:
    """A durable task as one run has it: tried that often, and with its tag if the server has a limit for the tag.

    Prefect asks for a slot for every task run with a tag, limited or not, and a server on SQLite answers such a request
    503 when it writes at the moment: two seconds until the client asks again.
    """
    retries = attempts - 1
    step = step.with_options(retries=retries, retry_delay_seconds=delays(retries))
    step.tags = {tag for tag in step.tags if _limit(f"tag:{tag}") is not None}
    return step


def _limit(name: str) -> GlobalConcurrencyLimitResponse | None:
    with get_client(sync_client=True) as client:
        try:
            return client.read_global_concurrency_limit_by_name(name)
        except ObjectNotFound:
            return None


def _why(name: str, repository: str) -> str:
    limit = _limit(name)
    taken = "its limit is gone" if limit is None else f"{limit.active_slots} of {limit.limit} taken"
    return f"a slot of repository {repository}, {taken} (limit {name})"
