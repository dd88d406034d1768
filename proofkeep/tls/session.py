"""botocore's HTTP session under the TLS policy: no proxies, no CA variables, no way to speak plain http.

The three methods it overrides are private to botocore; `tests/engine/test_tls.py` fails if they move.
"""

import socket
import ssl
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import urlsplit

from botocore.awsrequest import (
    AWSHTTPSConnection,
    AWSHTTPSConnectionPool,
    AWSPreparedRequest,
    AWSRequest,
    AWSResponse,
)
from botocore.exceptions import HTTPClientError, SSLError
from botocore.httpsession import URLLib3Session
from urllib3 import PoolManager

from proofkeep.errors import ProofkeepError
from proofkeep.tls.addresses import require_https
from proofkeep.tls.handshake import negotiated, refused_identity
from proofkeep.tls.recorder import TlsRecorder


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a client waits for a server, and how often it asks before it says that it failed.

    Attributes:
        connect_seconds: until a connection stands.
        read_seconds: between two bytes that arrive.
        attempts: requests for one call, the first included; botocore waits up to 1, 2, 4 and so on seconds between.
    """

    connect_seconds: float = 10
    read_seconds: float = 60
    attempts: int = 3


PATIENCE = Patience()

SOCKET_OPTIONS = [(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1), (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)]


class PolicySession(URLLib3Session):
    """Sends prepared requests over connections of one context and tells the recorder what answered."""

    _manager: PoolManager

    def __init__(self, context: ssl.SSLContext, recorder: TlsRecorder, connections: int, patience: Patience) -> None:
        self._context = context
        self._recorder = recorder
        timeouts: Any = (patience.connect_seconds, patience.read_seconds)
        options: Any = SOCKET_OPTIONS
        super().__init__(timeout=timeouts, max_pool_connections=connections, socket_options=options)
        self._manager.pool_classes_by_scheme = {"https": _recording_pool(recorder)}

    def send(self, request: AWSRequest | AWSPreparedRequest) -> AWSResponse:
        """Send over a connection that the policy allows.

        Raises:
            TlsPolicyError, PeerIdentityError: not to be tried again.
            BotoCoreError: the line broke or never stood.
        """
        url = str(request.url)
        require_https(url)
        try:
            answer = super().send(request)
        except SSLError as error:
            raise _refusal(url, error) or error from None
        except HTTPClientError as error:
            cause = error.kwargs.get("error")
            raise cause if isinstance(cause, ProofkeepError) else error from None
        self._recorder.dated(answer.headers)
        return answer

    def _get_ssl_context(self) -> ssl.SSLContext:
        return self._context

    def _setup_ssl_cert(self, conn: Any, url: str, verify: Any) -> None:  # noqa: ARG002 - botocore's signature
        conn.cert_reqs = "CERT_REQUIRED"  # and no ca_certs: they would be added to our context


def _recording_pool(recorder: TlsRecorder) -> type[AWSHTTPSConnectionPool]:
    class Connection(AWSHTTPSConnection):
        def getresponse(self) -> Any:
            line = cast("ssl.SSLSocket", self.sock)  # let go of when the answer says `Connection: close`
            answer = super().getresponse()
            recorder.answered(negotiated(line))
            return answer

    class Pool(AWSHTTPSConnectionPool):
        ConnectionCls = Connection

    return Pool


def _refusal(url: str, error: SSLError) -> ProofkeepError | None:
    """Under TLS 1.3 a refused client certificate shows on the first read after the handshake."""
    causes = getattr(error.kwargs.get("error"), "args", ())
    if not causes or not isinstance(causes[0], ssl.SSLError):
        return None
    return refused_identity(str(urlsplit(url).hostname), causes[0])
