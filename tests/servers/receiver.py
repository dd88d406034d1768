"""A real https server that keeps what it is sent: a monitor, or whoever a notification goes to."""

import json
import ssl
import threading
from collections import deque
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

from infra.servers.aws_endpoint import server_context
from infra.servers.local_ca import Certificate
from infra.servers.ports import LOOPBACK


@dataclass(frozen=True)
class Received:
    """One request."""

    path: str
    query: dict[str, list[str]]
    text: str = field(repr=False)

    @property
    def document(self) -> Any:
        """The body as JSON."""
        return json.loads(self.text)


class Receiver:
    """Start with `with`.

    Attributes:
        received: in the order of arrival.
        statuses: of the next answers; 200 when there is none left.
    """

    def __init__(self, certificate: Certificate) -> None:
        self.received: list[Received] = []
        self.statuses: deque[int] = deque()
        self._server = _Server((LOOPBACK, 0), _Handler)
        self._server.receiver = self
        context: ssl.SSLContext = server_context(certificate)
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), name="receiver", daemon=True)

    @property
    def url(self) -> str:
        """Its address."""
        return f"https://{LOOPBACK}:{self._server.server_address[1]}"

    @property
    def paths(self) -> list[str]:
        """What was asked for."""
        return [each.path for each in self.received]

    def about(self, words: object) -> list[Received]:
        """What was sent that holds these words, such as the id of a run."""
        return [each for each in self.received if str(words) in each.text]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    receiver: Receiver

    def handle_error(self, *_: object) -> None:
        """A client that does not trust this server breaks off."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_POST(self) -> None:
        """Keep it and answer."""
        receiver, parts = self.server.receiver, urlsplit(self.path)
        text = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        receiver.received.append(Received(parts.path, parse_qs(parts.query), text))
        self.send_response_only(receiver.statuses.popleft() if receiver.statuses else 200)
        self.send_header("Content-Length", "0")
        self.end_headers()
