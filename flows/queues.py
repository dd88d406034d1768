"""The two work queues of a host: that of its name, and the one before which no backup stands."""

import contextlib
import os

from prefect.client.orchestration import SyncPrefectClient
from prefect.exceptions import ObjectAlreadyExists, ObjectNotFound

from flows.deploying.wanted import CONTROL_LIMIT, POOL
from proofkeep.inventory import control_queue

HOST = "PROOFKEEP_HOST"
"""Environment variable: the host's name in the inventory."""


def queues_here() -> list[str]:
    """Those from which this host's worker takes runs; none where no host is named."""
    host = os.environ.get(HOST)
    return [] if host is None else queues_of(host)


def queues_of(host: str) -> list[str]:
    """Those of a host, by its name in the inventory."""
    return [host, control_queue(host)]


def make_control_queue(client: SyncPrefectClient) -> None:
    """Make it where it is not: of a worker that asks for two queues the server answers for none if one is absent."""
    for name in queues_here()[1:]:
        try:
            client.read_work_queue_by_name(name, POOL)
        except ObjectNotFound:  # or the pool is, and its first deployment makes both
            with contextlib.suppress(ObjectAlreadyExists, ObjectNotFound):
                client.create_work_queue(name, concurrency_limit=CONTROL_LIMIT, work_pool_name=POOL)
