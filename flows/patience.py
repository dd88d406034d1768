"""What a flow run outlasts: a Prefect server that is away for some minutes.

Prefect's clients ask again `PREFECT_CLIENT_MAX_RETRIES` times, but one that never reached the server gives up when its
connection is refused, and each slot of a limit is taken and given back by a new client. And the deployment's own slot
is a lease of five minutes, for whose loss Prefect ends the run.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from uuid import UUID

import httpx
from prefect.client.base import PrefectHttpxAsyncClient, PrefectHttpxSyncClient
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import FlowRun
from prefect.settings import PREFECT_CLIENT_MAX_RETRIES, temporary_settings

LEASE_SECONDS = 900
"""How long the deployment's slot outlives its run where nobody sets the run Crashed; far more than a client waits."""

_RENEW_SECONDS = 60  # Prefect's own renewal, every 225 s, sets the lease to 300 s again
_REACHED = "_has_connected"


@contextmanager
def patient(run: FlowRun) -> Iterator[None]:
    """Within, neither a refused connection nor a lapsed lease ends the run while its server is away for some minutes.

    Refused connections are asked again until this process ends, which is when the last state has been told.
    """
    for client in (PrefectHttpxAsyncClient, PrefectHttpxSyncClient):
        setattr(client, _REACHED, property(lambda _: True, lambda *_: None))
    lease = run.state.state_details.deployment_concurrency_lease_id if run.state else None
    if lease is None:
        yield
        return
    ended = threading.Event()
    renewing = threading.Thread(target=_renew, args=(lease, ended), name="deployment-lease", daemon=True)
    renewing.start()
    try:
        yield
    finally:
        ended.set()


def _renew(lease: UUID, ended: threading.Event) -> None:
    """Renew the lease until the run has ended. Prefect, which renews it too, tells when it is gone."""
    with temporary_settings({PREFECT_CLIENT_MAX_RETRIES: 0}), get_client(sync_client=True) as client:
        while True:
            with suppress(httpx.HTTPError):  # asked again in a minute; by then the server may be back
                client.renew_concurrency_lease(lease, LEASE_SECONDS)
            if ended.wait(_RENEW_SECONDS):
                return
