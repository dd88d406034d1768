"""A TLS server in front of another that answers as that one does, at another time of day.

Its clock is the difference: everything else, TLS included, is what the server behind it would say.
"""

import http.client
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from infra.servers.aws_endpoint import AwsEndpoint, server_context
from infra.servers.https import tls_context
from infra.servers.ports import LOOPBACK
from tests.servers.pki import Pki

_OUR_OWN = frozenset({"connection", "content-length", "date", "transfer-encoding"})


class PassingServer(ThreadingHTTPServer):
    """Passes requests on to the endpoint `behind`, and states a time of its own."""

    daemon_threads = True

    def __init__(
        self,
        pki: Pki,
        behind: AwsEndpoint,
        seconds_off: float | None,
        handler: type[BaseHTTPRequestHandler] | None = None,
    ) -> None:
        super().__init__((LOOPBACK, 0), handler or PassingHandler)
        self.socket = server_context(pki.server).wrap_socket(
            self.socket, server_side=True, do_handshake_on_connect=False
        )
        self.behind = behind
        self.trust: ssl.SSLContext = tls_context(behind.ca_path)
        self.seconds_off = seconds_off

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that had enough leave."""


class PassingHandler(BaseHTTPRequestHandler):
    """Passes one request after the other on."""

    server: PassingServer
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        line = http.client.HTTPSConnection(LOOPBACK, self.server.behind.port, context=self.server.trust)
        line.request(self.command, self.path, body, dict(self.headers.items()))
        answer = line.getresponse()
        content = answer.read()
        self.send_response_only(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in _OUR_OWN:
                self.send_header(name, value)
        if self.server.seconds_off is not None:
            self.send_header("Date", formatdate(time.time() + self.server.seconds_off, usegmt=True))
        length = answer.getheader("Content-Length") if self.command == "HEAD" else None
        self.send_header("Content-Length", length or str(len(content)))
        self.end_headers()
        self.wfile.write(content)
        line.close()

    do_HEAD = do_PUT = do_POST = do_DELETE = do_GET  # noqa: N815 - http.server's names

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def wrong_date(pki: Pki, behind: AwsEndpoint, seconds_off: float | None) -> Iterator[str]:
    """The `endpoint_url` of `behind` with a clock that is so many seconds ahead; None states no date at all."""
    with PassingServer(pki, behind, seconds_off) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield f"https://localhost:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()
