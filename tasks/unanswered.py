"""The Prefect server that did not answer, as an error of ours; errors of clients of other servers are none of these."""

from collections.abc import Iterator
from contextlib import suppress
from urllib.parse import urlsplit

import httpx
from prefect.settings import PREFECT_API_URL

from proofkeep.errors import ServerUnavailableError

_TOO_MANY_REQUESTS = 429
_OUT_OF_ORDER = 500  # this and above say that it, its database or the proxy before it cannot answer now


def unanswered(step: str, error: BaseException) -> ServerUnavailableError | None:
    """What ends a step whose question the server did not answer; None where it is something else that went wrong.

    Prefect's client has asked again by then for as long as the run waits, and Prefect may have raised anew from its
    error, as it does for a slot that cannot be taken.
    """
    for each in _with_causes(error):
        if (trouble := _trouble(each)) is not None:
            host = urlsplit(PREFECT_API_URL.value() or "").hostname
            return ServerUnavailableError(f"step {step} gave up: prefect server on host {host} {trouble}")
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
    with suppress(RuntimeError):  # not known whom it was about
        return server is not None and str(error.request.url).startswith(server.rstrip("/"))
    return False
