"""A TLS proxy before a real S3 server that does to chosen requests what networks and stores do on bad days.

Deterministic: the script chooses by kind and number of request, never by time or chance. It ends TLS itself and passes
everything else on, signatures included: they cover the host name that the client asked for.
"""

import http.client
import os
import select
import socket
import ssl
import struct
import threading
import time
from collections import Counter
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self
from urllib.parse import urlsplit

from infra.servers.aws_endpoint import server_context
from infra.servers.https import tls_context
from infra.servers.local_ca import Certificate
from infra.servers.ports import LOOPBACK
from tests.faults.script import Fault, Request, Rule, Script
from tests.servers.pki import Pki

_ERROR = "<Error><Code>{}</Code><Message>scripted</Message></Error>"
_CODES = {429: "TooManyRequests", 500: "InternalError", 503: "SlowDown"}
_HOP_BY_HOP = {"connection", "expect", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade"}
_TIMEOUT_SECONDS = 60
_DRIP, _DRIP_SECONDS = 4096, 0.3  # a pack of 16 KiB takes longer than an impatient client waits
_RESET = struct.pack("ii", 1, 0)
_DONE = range(200, 300)


class FaultProxy:
    """Start with `with`.

    Attributes:
        script: what is done to which request.
        stored: how often a PUT of each path was answered with success by the store.
        passed: how often one reached the store with its whole body, and its answer the client, whatever that was.
    """

    def __init__(self, upstream: str, pki: Pki) -> None:
        self.script = Script()
        self.stored: Counter[str] = Counter()
        self.passed: Counter[str] = Counter()
        self._ended = threading.Event()
        self._upstream = urlsplit(upstream)
        self._context = tls_context(pki.ca_path)
        self._server = _Server((LOOPBACK, 0), _Handler)
        self._server.proxy = self
        self._shown: ssl.SSLContext = server_context(pki.server)
        self._server.socket = self._shown.wrap_socket(
            self._server.socket, server_side=True, do_handshake_on_connect=False
        )
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), name="faults", daemon=True)

    @property
    def url(self) -> str:
        """What a client takes for the store."""
        return f"https://{LOOPBACK}:{self._server.server_address[1]}"

    def play(self, *rules: Rule) -> None:
        """Begin a new script; without rules everything passes."""
        self.script = Script(list(rules))

    def show(self, certificate: Certificate) -> None:
        """New connections get this one; those that stand keep theirs."""
        self._shown.load_cert_chain(certificate.cert_path, certificate.key_path)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def ask_the_store(
        self, request: Request, headers: dict[str, str], body: bytes
    ) -> tuple[http.client.HTTPResponse, bytes]:
        """The store's answer."""
        host, port = self._upstream.hostname or "", self._upstream.port
        connection = http.client.HTTPSConnection(host, port, context=self._context, timeout=_TIMEOUT_SECONDS)
        with closing(connection):
            connection.request(request.method, request.target, body=body, headers=headers)
            answer = connection.getresponse()
            content = answer.read()
        if request.method == "PUT" and answer.status in _DONE:
            self.stored[request.path] += 1
        return answer, content

    def wait_until_gone(self, client: socket.socket) -> None:
        """Until the client has closed its side, or this proxy ends."""
        look = select.poll()
        look.register(client, select.POLLRDHUP)
        while not self._ended.is_set() and not look.poll(20):
            pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    proxy: FaultProxy

    def handle_error(self, *_: object) -> None:
        """Broken lines are what this is for."""


def flipped(content: bytes, rule: Rule) -> bytes:
    """The same with one bit changed."""
    if not content:
        return content
    at = rule.place(len(content))
    return content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]


class _Handler(BaseHTTPRequestHandler):
    """Passes one request after the other on, unless the script says otherwise."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: "_Server"

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def _pass(self) -> None:
        request = Request.of(self.command, self.path)
        rule = self.server.proxy.script.rule_for(request)
        fault = rule.fault if rule is not None else None
        length = int(self.headers.get("Content-Length", 0))
        if rule is not None and fault in {Fault.REFUSE, Fault.CUT_UP}:
            self.rfile.read(rule.place(length) if fault is Fault.CUT_UP else 0)
            self._reset()
            return
        body = self._read(length, slowly=fault is Fault.THROTTLE)
        if fault is Fault.STALL:
            self.server.proxy.wait_until_gone(self.connection)
            self._reset()
        elif rule is not None and fault is Fault.STATUS:
            text = _ERROR.format(rule.code or _CODES.get(rule.status, "InternalError")).encode()
            is_head = self.command == "HEAD"  # whose answer has no body
            self._answer(rule.status, [("Content-Type", "application/xml")], b"" if is_head else text)
        else:
            self._forward(request, rule, body)

    def _forward(self, request: Request, rule: Rule | None, body: bytes) -> None:
        fault = rule.fault if rule is not None else None
        if rule is not None and fault is Fault.CORRUPT_UP:
            body = flipped(body, rule)
        headers = {name: value for name, value in self.headers.items() if name.lower() not in _HOP_BY_HOP}
        answer, content = self.server.proxy.ask_the_store(request, headers, body)
        if request.method == "PUT" and fault is None:
            self.server.proxy.passed[request.path] += 1
        if fault is Fault.LATE:
            self.server.proxy.wait_until_gone(self.connection)
        if rule is not None and fault is Fault.CORRUPT_DOWN:
            content = flipped(content, rule)
        passed = [
            (name, value) for name, value in answer.getheaders() if name.lower() not in _HOP_BY_HOP | {"content-length"}
        ]
        length = answer.getheader("Content-Length") if request.method == "HEAD" else None
        cut = rule.place(len(content)) if rule is not None and fault is Fault.CUT_DOWN else None
        self._answer(answer.status, passed, content, length, cut=cut, slowly=fault is Fault.THROTTLE)

    def _read(self, length: int, *, slowly: bool) -> bytes:
        if not slowly:
            return self.rfile.read(length)
        pieces = []
        for at in range(0, length, _DRIP):
            pieces.append(self.rfile.read(min(_DRIP, length - at)))
            time.sleep(_DRIP_SECONDS)
        return b"".join(pieces)

    def _answer(
        self,
        status: int,
        headers: list[tuple[str, str]],
        content: bytes,
        length: str | None = None,
        *,
        cut: int | None = None,
        slowly: bool = False,
    ) -> None:
        self.send_response_only(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", length or str(len(content)))
        self.end_headers()
        step = _DRIP if slowly else max(len(content), 1)
        for at in range(0, len(content) if cut is None else cut, step):
            self.wfile.write(content[at : at + step][: None if cut is None else cut])
            if slowly:
                time.sleep(_DRIP_SECONDS)
        if cut is not None:
            self._reset()

    def _reset(self) -> None:
        """End the connection as a broken line does: with a reset, and no close of TLS."""
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        os.close(self.connection.detach())

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _pass  # noqa: N815 - http.server's names
