"""The Prefect server that did not answer, as an error of ours; errors of clients of other servers are none of these."""

import time
from collections.abc import Iterator
from contextlib import suppress
from urllib.parse import urlsplit

import httpx
from prefect.settings import PREFECT_API_URL

from proofkeep.errors import ServerUnavailableError

_TOO_MANY_REQUESTS = 429
_OUT_OF_ORDER = 500  # this and above say that it, its database or the proxy before it cannot answer now
_PORTS = {"http": 80, "https": 443}


def unanswered(step: str, error: BaseException) -> ServerUnavailableError | None:
    """What ends a step whose question the server did not answer; None where it is something else that went wrong.

    Prefect's client has asked again by then for as long as the run waits, and Prefect may have raised anew from its
    error, as it does for a slot that cannot be taken.
    """
    for each in _with_causes(error):
        if (trouble := _trouble(each)) is not None:
            host = urlsplit(PREFECT_API_URL.value() or "").hostname
            away = ServerUnavailableError(f"step {step} gave up: prefect server on host {host} {trouble}")
            away.gave_up_ns = time.time_ns()
            return away
    return None


def _with_causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__


def _trouble(error: BaseException) -> str | None:
    if isinstance(error, httpx.TransportError) and _is_of_the_server(error):
        return f"does not answer ({type(error).__name__})"
    if isinstance(error, httpx.HTTPStatusError) and _is_of_the_server(error):
        status = error.response.status_code
        return f"answers with status {status}" if status >= _OUT_OF_ORDER or status == _TOO_MANY_REQUESTS else None
    return None


def _is_of_the_server(error: httpx.TransportError | httpx.HTTPStatusError) -> bool:
    """Whether it was the server that was asked."""
    server = PREFECT_API_URL.value()
    with suppress(RuntimeError, httpx.InvalidURL):  # not known whom it was about, or which server is meant
        return server is not None and _lies_below(httpx.URL(server), error.request.url)
    return False


def _lies_below(server: httpx.URL, asked: httpx.URL) -> bool:
    """Whether an address is one of the server's, however either is spelled."""
    above = server.path.rstrip("/")
    return _origin(server) == _origin(asked) and f"{asked.path}/".startswith(f"{above}/")


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    """Scheme and host in small letters, and the port."""
    return url.scheme, url.host, url.port or _PORTS.get(url.scheme)
