"""Three hosts' backups, held at the slots of their repositories until all of them are at work."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import copy_context
from uuid import UUID, uuid4

from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterState, FlowRunFilterStateType
from prefect.client.schemas.objects import ConcurrencyLeaseHolder, StateType

from flows.limits import repository_limit
from tests.flows.running import client
from tests.waiting import until

HOSTS = ("alpha", "beta", "gamma")


@contextmanager
def slots_held() -> Iterator[Callable[..., None]]:
    """Within, the backup of each host waits for the slot of its repository until what this gives is called with it."""
    leases: dict[str, UUID] = {}

    def let_go(*hosts: str) -> None:
        with client() as api:
            for host in hosts:
                if host in leases:
                    api.release_concurrency_slots_with_lease(leases.pop(host))

    try:
        with client() as api:
            for host in HOSTS:
                holder = ConcurrencyLeaseHolder(type="flow_run", id=uuid4())
                names = [repository_limit(f"fleet-{host}")]
                held = api.increment_concurrency_slots_with_lease(names, 1, "concurrency", 300, holder)
                leases[host] = UUID(held.json()["lease_id"])
        yield let_go
    finally:
        let_go(*HOSTS)


@contextmanager
def let_go_once_all_work() -> Iterator[None]:
    """Within, every backup waits until all of them are at work."""

    def wait(let_go: Callable[..., None]) -> None:
        try:
            until(lambda: at_work() == len(HOSTS), "all three are at work at once")
        finally:
            let_go(*HOSTS)

    with slots_held() as let_go, ThreadPoolExecutor() as pool:
        waiting = pool.submit(copy_context().run, wait, let_go)
        yield
    waiting.result()


def at_work() -> int:
    """Backups of these hosts that run now."""
    running = FlowRunFilter(state=FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.RUNNING])))
    with client() as api:
        found = api.read_flow_runs(flow_run_filter=running)
    return sum(str(run.parameters.get("entry", "")).startswith("fleet-") for run in found)
