"""HTTPS to one server by the standard library alone, under the TLS policy, for who cannot wait for an SDK to load.

One attempt a request, no proxies. Whatever does not come to a whole answer is None: the SDK can then ask, with all its
patience, and its adapter say what is wrong.
"""

import http.client
import socket
import ssl
import threading
import weakref
from collections.abc import Mapping
from typing import NamedTuple, cast

from proofkeep.tls.handshake import negotiated
from proofkeep.tls.policy import TlsPolicy
from proofkeep.tls.recorder import TlsRecorder

CONNECT_SECONDS = 10.0
READ_SECONDS = 60.0


class Answer(NamedTuple):
    """A whole answer; the names of `headers` in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Lines:
    """Connections to one server, kept for the next request. Safe to use from several threads.

    Raises:
        UsageError: a file of the policy is not usable.
    """

    def __init__(self, host: str, port: int, policy: TlsPolicy, recorder: TlsRecorder) -> None:
        self._server = host, port
        self._context = policy.context()
        self._recorder = recorder
        self._idle: list[http.client.HTTPSConnection] = []
        self._lock = threading.Lock()
        weakref.finalize(self, _close_all, self._idle)

    def ask(self, method: str, target: str, headers: Mapping[str, str], most: int) -> Answer | None:
        """Send a request without a body; None unless its answer comes whole and has at most `most` bytes.

        Raises:
            TlsPolicyError, PeerIdentityError: the connection is not acceptable.
        """
        line = self._take()
        try:
            answer = self._asked(line, method, target, headers, most)
        except (OSError, http.client.HTTPException):
            answer = None
        except BaseException:
            line.close()
            raise
        if answer is None:
            line.close()
        elif line.sock is not None:
            with self._lock:
                self._idle.append(line)
        return answer

    def _take(self) -> http.client.HTTPSConnection:
        with self._lock:
            if self._idle:
                return self._idle.pop()
        return http.client.HTTPSConnection(*self._server, timeout=CONNECT_SECONDS, context=self._context)

    def _asked(
        self, line: http.client.HTTPSConnection, method: str, target: str, headers: Mapping[str, str], most: int
    ) -> Answer | None:
        peer = _connected(line)  # let go of when the answer says `Connection: close`
        line.request(method, target, headers=dict(headers))
        with line.getresponse() as response:
            self._recorder.answered(negotiated(peer))
            self._recorder.dated({"Date": response.headers.get("Date", "")})
            body = _read(response, most)
            told = {name.lower(): value for name, value in response.headers.items()}
            return None if body is None else Answer(response.status, told, body)


def _close_all(lines: list[http.client.HTTPSConnection]) -> None:
    for line in lines:
        line.close()


def _connected(line: http.client.HTTPSConnection) -> ssl.SSLSocket:
    if line.sock is None:
        line.connect()
        peer = cast("ssl.SSLSocket", line.sock)
        peer.settimeout(READ_SECONDS)
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    return cast("ssl.SSLSocket", line.sock)


def _read(response: http.client.HTTPResponse, most: int) -> bytes | None:
    """The body, if it tells by itself where it ends."""
    if response.length is not None:
        return response.read() if response.length <= most else None
    body = response.read(most + 1) if response.chunked else None
    return None if body is None or len(body) > most else body
