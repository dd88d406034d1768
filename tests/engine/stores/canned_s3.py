"""A TLS server that answers S3 requests as a test dictates, with the failures no healthy server can be asked for."""

import functools
import socket
import struct
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import botocore.session

from infra.servers.aws_endpoint import server_context
from infra.servers.local_ca import Certificate
from infra.servers.ports import LOOPBACK
from proofkeep.stores.s3 import S3Store
from proofkeep.tls import TlsPolicy
from proofkeep.tls.session import PATIENCE, Patience
from tests.servers.pki import Pki

BUCKET = "canned"


@dataclass(frozen=True)
class Answer:
    """One answer; `send` is how many bytes of the body go out before the line is cut, None is all and no cut."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    send: int | None = None


CUT = Answer(status=0)
"""Not a byte of an answer: the whole request is read, then the connection is reset."""


def failure(status: int, code: str) -> Answer:
    """An S3 error; its message holds what must never get through."""
    body = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>payroll.xls</Message></Error>"
    return Answer(status, body.encode(), {"Content-Type": "application/xml"})


@dataclass(frozen=True)
class Request:
    """What a client sent, and from which of its ports."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    port: int


class CannedS3(ThreadingHTTPServer):
    """Gives its answers in order, whatever is asked, and keeps what was asked."""

    daemon_threads = True

    def __init__(self, certificate: Certificate) -> None:
        super().__init__((LOOPBACK, 0), _Handler)
        self.socket = server_context(certificate).wrap_socket(
            self.socket, server_side=True, do_handshake_on_connect=False
        )
        self.answers: deque[Answer] = deque()
        self.requests: list[Request] = []

    @property
    def url(self) -> str:
        """The `endpoint_url`."""
        return f"https://localhost:{self.server_address[1]}"

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that leave early are what some tests are about."""


class _Handler(BaseHTTPRequestHandler):
    server: CannedS3
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._answer()

    do_HEAD = do_PUT = do_DELETE = do_GET  # noqa: N815 - http.server's names

    def _answer(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        asked = Request(
            self.command, self.path, dict(self.headers.items()), self.rfile.read(length), self.client_address[1]
        )
        self.server.requests.append(asked)
        answer = self.server.answers.popleft()
        if answer is CUT:
            self._cut()
            return
        self.send_response(answer.status)
        for name, value in {"Content-Length": str(len(answer.body)), **answer.headers}.items():
            if value:
                self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body[: answer.send])
            self.wfile.flush()
        if answer.send is not None:
            self._cut()

    def _cut(self) -> None:
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def canned_s3(pki: Pki) -> Iterator[CannedS3]:
    """Serve until the end of the block."""
    with CannedS3(pki.server) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


@functools.cache
def canned_session() -> botocore.session.Session:
    """Credentials that the server never looks at; one session, since each loads botocore's models anew."""
    session = botocore.session.Session()
    session.set_credentials("AKCANNED", "SKCANNED")
    return session


def store_at(
    url: str, pki: Pki, *, bucket: str = BUCKET, sse_kms_key_id: str | None = None, patience: Patience = PATIENCE
) -> S3Store:
    """A store in a bucket of the canned server."""
    return S3Store(
        bucket,
        tls=TlsPolicy(pki.ca_path),
        endpoint_url=url,
        region="us-east-1",
        session=canned_session(),
        sse_kms_key_id=sse_kms_key_id,
        patience=patience,
    )
