"""A TLS proxy before a real S3 server that refuses or holds chosen uploads, deterministically, and counts all of them.

It ends TLS itself and passes everything else on, signatures included: they cover the host name the client asked for.
"""

import http.client
import select
import socket
import ssl
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self
from urllib.parse import urlsplit

from infra.servers.aws_endpoint import server_context
from infra.servers.https import tls_context
from infra.servers.ports import LOOPBACK
from tests.servers.pki import Pki

_SLOW_DOWN = b"<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"
_HOP_BY_HOP = {"connection", "expect", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade"}
_TIMEOUT_SECONDS = 300  # longer than any test holds an upload: what was to be held must not pass by itself


def _is_gone(client: socket.socket) -> bool:
    """Whether the other side has closed the connection, as the kernel does for a process that was killed."""
    look = select.poll()
    look.register(client, select.POLLRDHUP)
    return bool(look.poll(0))


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """A client that was killed breaks its connection: what these tests do to it."""


def nothing(_: str) -> bool:
    """Holds no upload."""
    return False


def is_pack(path: str) -> bool:
    """Whether an upload's path is a pack's."""
    return "/packs/" in path


class Gatekeeper:
    """Start with `with`. Packs are numbered from 1 in the order in which their first upload is seen.

    Attributes:
        refused: numbers of packs whose uploads get 503 until `open` is called.
        numbers: of the packs seen so far, by path.
        holds: which paths' uploads wait until `open` is called; one whose client is gone by then goes nowhere.
        uploads: how often an upload of each path reached the store.
        arrived: set when an upload was held or refused.
        seconds_off: how far ahead the store's clock is, as its answers tell.
    """

    def __init__(self, upstream: str, pki: Pki) -> None:
        self.refused: frozenset[int] = frozenset()
        self.numbers: dict[str, int] = {}
        self.holds: Callable[[str], bool] = nothing
        self.uploads: Counter[str] = Counter()
        self.refusals: Counter[str] = Counter()
        self.arrived = threading.Event()
        self.seconds_off = 0
        self._opened = threading.Event()
        self._lock = threading.Lock()
        self._upstream = urlsplit(upstream)
        self._context = tls_context(pki.ca_path)
        self._server = _Server((LOOPBACK, 0), self._handler())
        context: ssl.SSLContext = server_context(pki.server)
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, name="gatekeeper", daemon=True)

    @property
    def url(self) -> str:
        """What a client takes for the store."""
        return f"https://{LOOPBACK}:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.open()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def open(self) -> None:
        """Let everything through from now on."""
        self.holds, self.refused = nothing, frozenset()
        self._opened.set()

    @property
    def packs(self) -> Counter[str]:
        """The packs among `uploads`."""
        return Counter({path: count for path, count in self.uploads.items() if is_pack(path)})

    def _wait(self, path: str) -> None:
        """Hold an upload, if it is to be held."""
        if is_pack(path):
            with self._lock:
                self.numbers.setdefault(path, len(self.numbers) + 1)
        if self.holds(path):
            self.arrived.set()
            self._opened.wait(_TIMEOUT_SECONDS)

    def _admits(self, path: str) -> bool:
        """Whether this upload may pass; counts it."""
        with self._lock:
            refused = self.numbers.get(path) in self.refused
            (self.refusals if refused else self.uploads)[path] += 1
        if refused:
            self.arrived.set()
        return not refused

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        keeper = self

        class Handler(BaseHTTPRequestHandler):
            """Passes one request after the other on."""

            protocol_version = "HTTP/1.1"

            def _pass(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                if self.command == "PUT":
                    path = urlsplit(self.path).path
                    keeper._wait(path)
                    if _is_gone(self.connection):
                        return
                    if not keeper._admits(path):
                        self._answer(503, [("Content-Type", "application/xml")], _SLOW_DOWN)
                        return
                upstream = keeper._upstream
                connection = http.client.HTTPSConnection(
                    upstream.hostname or "", upstream.port, context=keeper._context, timeout=_TIMEOUT_SECONDS
                )
                headers = {name: value for name, value in self.headers.items() if name.lower() not in _HOP_BY_HOP}
                with closing(connection):
                    connection.request(self.command, self.path, body=body, headers=headers)
                    response = connection.getresponse()
                    content = response.read()
                passed = [
                    (name, value)
                    for name, value in response.getheaders()
                    if name.lower() not in _HOP_BY_HOP | {"content-length", "date"}
                ]
                passed.append(("Date", formatdate(time.time() + keeper.seconds_off, usegmt=True)))
                length = response.getheader("Content-Length") if self.command == "HEAD" else None
                self._answer(response.status, passed, content, length)

            def _answer(
                self, status: int, headers: list[tuple[str, str]], content: bytes, length: str | None = None
            ) -> None:
                self.send_response_only(status)
                for name, value in headers:
                    self.send_header(name, value)
                self.send_header("Content-Length", length or str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _pass  # noqa: N815 - http.server's names

        return Handler
