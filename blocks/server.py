"""The Prefect server that commands of ours work with: named, or refused.

Prefect itself starts one of its own where none is named; what such a server is told, nobody ever sees.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import httpx
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.settings import PREFECT_API_URL

from proofkeep.errors import ServerUnavailableError, UsageError

_TOO_MANY_REQUESTS = 429
_OUT_OF_ORDER = 500  # this and above say that it, or the proxy before it, cannot answer now


@contextmanager
def named_server() -> Iterator[SyncPrefectClient]:
    """A client of the server that PREFECT_API_URL or Prefect's profile names.

    Raises:
        UsageError: none is named, or it refuses.
        ServerUnavailableError: it does not answer, or says that it cannot now.
    """
    url = PREFECT_API_URL.value()
    if not url:
        raise UsageError("no prefect server is named: PREFECT_API_URL is not set")
    host = urlsplit(url).hostname
    try:
        with get_client(sync_client=True) as client:
            yield client
    except httpx.TransportError as error:
        raise ServerUnavailableError(
            f"prefect server on host {host} does not answer ({type(error).__name__})"
        ) from None
    except httpx.HTTPStatusError as error:
        if (status := error.response.status_code) >= _OUT_OF_ORDER or status == _TOO_MANY_REQUESTS:
            raise ServerUnavailableError(f"prefect server on host {host} answers with status {status}") from None
        raise UsageError(f"prefect server on host {host} refuses with status {status}") from None
