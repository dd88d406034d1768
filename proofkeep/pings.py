"""Tells a monitor that a verb begins, ended well, or failed, so that silence is noticed without Prefect.

The shape is that of healthchecks: POST to `<url>/start`, `<url>` and `<url>/fail`, one `rid` for a run. Bodies hold the
code and counts, no name. The address may be a secret of its own: no error and no event says it. A ping that fails is an
event and is told, and fails nothing.
"""

import http.client
import json
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from proofkeep import events
from proofkeep.errors import CancelledError, ProofkeepError, UnexpectedError, UsageError
from proofkeep.tls import TlsPolicy
from proofkeep.tls.addresses import require_endpoint

VERB = "{verb}"
"""Where it stands in an address, the verb's name is put."""

BACKUP = "backup"
ATTEMPTS = 3
TIMEOUT_SECONDS = 5.0
WAIT_SECONDS = 0.5

_DONE = range(200, 300)
_MAY_PASS = 500

Told = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Pings:
    """Where pings go.

    Args:
        address: https; with `{verb}` each verb has a check of its own, without it only `backup` is told, so that a
            verify does not pass for a backup.
    """

    address: str = field(repr=False)
    tls: TlsPolicy
    wait_seconds: float = WAIT_SECONDS

    def url(self, verb: str) -> str | None:
        """Where pings of a verb go; None where they go nowhere."""
        if VERB not in self.address and verb != BACKUP:
            return None
        return self.address.replace(VERB, verb).rstrip("/")

    def send(self, url: str, rid: str, document: dict[str, object]) -> str | None:
        """Send one ping; why it could not be sent, or None."""
        parts = urlsplit(url)
        for attempt in range(ATTEMPTS):
            trouble, final = self._try(parts.hostname or "", parts.port, f"{parts.path}?rid={rid}", document)
            if trouble is None or final or attempt == ATTEMPTS - 1:
                break
            time.sleep(self.wait_seconds)
        return trouble

    def _try(self, host: str, port: int | None, target: str, document: dict[str, object]) -> tuple[str | None, bool]:
        """One attempt: what went wrong, and whether another one would end the same way."""
        body = json.dumps(document, sort_keys=True)
        try:
            line = http.client.HTTPSConnection(host, port, timeout=TIMEOUT_SECONDS, context=self.tls.context())
            with closing(line):
                line.request("POST", target, body=body, headers={"Content-Type": "application/json"})
                status = line.getresponse().status
        except ProofkeepError as error:
            return error.code, not error.retryable
        except (OSError, http.client.HTTPException) as error:
            return type(error).__name__, False
        return (None, True) if status in _DONE else (f"status {status}", status < _MAY_PASS)


@dataclass(slots=True)
class Pinged:
    """One run under way.

    Attributes:
        counts: go into the ping of success.
        code: set where a run ends in a failure without raising it.
    """

    counts: dict[str, int] = field(default_factory=dict)
    code: str | None = None


@contextmanager
def pinged(pings: Pings | None, verb: str, told: Told) -> Iterator[Pinged]:
    """Ping start now, and success or failure when the block ends.

    Args:
        told: takes a sentence about a ping that could not be sent.
    """
    ending = Pinged()
    url = None if pings is None else pings.url(verb)
    if pings is None or url is None:
        yield ending
        return
    rid = str(uuid.uuid4())

    def ping(what: str, path: str, **facts: object) -> None:
        trouble = pings.send(f"{url}{path}", rid, {"verb": verb, **facts})
        events.emit("ping", outcome="success" if trouble is None else "failure", what=what, verb=verb, trouble=trouble)
        if trouble is not None:
            told(f"ping of {what} was not sent: {trouble}")

    ping("start", "/start")
    try:
        yield ending
    except ProofkeepError as error:
        ping("failure", "/fail", code=error.code)
        raise
    except BaseException as error:
        ping("failure", "/fail", code=UnexpectedError.code if isinstance(error, Exception) else CancelledError.code)
        raise
    if ending.code is None:
        ping("success", "", counts=ending.counts)
    else:
        ping("failure", "/fail", code=ending.code, counts=ending.counts)


def require_address(address: str) -> None:
    """Raise `UsageError` or `TlsPolicyError` unless it is an https address of a host once its verb is put in."""
    require_endpoint(address.replace(VERB, BACKUP))
    if "{" in address.replace(VERB, ""):
        raise UsageError("ping address holds another placeholder than {verb}")
