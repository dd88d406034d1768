"""A TLS server that gives the answers KMS is known to give and moto never does.

The shapes are those of the AWS JSON 1.1 protocol: `__type` and `message` in the body, `x-amzn-RequestId` and `Date`
in the header. It checks no signature and knows no keys.
"""

import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import botocore.session

from infra.servers.aws_endpoint import server_context
from infra.servers.local_ca import Certificate
from proofkeep.keys.kms_service import KmsAccess
from proofkeep.tls import TlsPolicy
from tests.servers.pki import Pki

ARN = "arn:aws-us-gov:kms:us-gov-west-1:123456789012:key/11111111-2222-3333-4444-555555555555"
DATE = "Mon, 23 Nov 2026 12:00:00 GMT"
DATE_NS = 1_795_435_200_000_000_000
REQUEST_ID = "8c2f5b1e-0000-4000-8000-00000000c0de"


@dataclass
class KmsAnswers:
    """What every request gets, and what was asked. `status` and `body` may be set between requests."""

    url: str = ""
    status: int = 200
    body: bytes = b"{}"
    asked: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def refuse(self, code: str, message: str | None, status: int = 400) -> None:
        """Answer as KMS refuses."""
        said = {"__type": code} if message is None else {"__type": code, "message": message}
        self.answer(said, status)

    def answer(self, said: dict[str, Any], status: int = 200) -> None:
        """Answer with a JSON object."""
        self.status, self.body = status, json.dumps(said).encode()


@contextmanager
def kms_answers(certificate: Certificate) -> Iterator[KmsAnswers]:
    """Serve on a free port of loopback until the block ends."""
    answers = KmsAnswers()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            asked = self.rfile.read(int(self.headers["Content-Length"]))
            operation = self.headers["X-Amz-Target"].removeprefix("TrentService.")
            answers.asked.append((operation, json.loads(asked)))
            # Once: after an empty body's header the client goes on, and the next test sets the next answer.
            status, body = answers.status, answers.body
            self.send_response_only(status)
            self.send_header("Date", DATE)
            self.send_header("x-amzn-RequestId", REQUEST_ID)
            self.send_header("Content-Type", "application/x-amz-json-1.1")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        context: ssl.SSLContext = server_context(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        answers.url = f"https://localhost:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield answers
        finally:
            server.shutdown()
            thread.join()


def session() -> botocore.session.Session:
    """With credentials that the server does not look at."""
    made = botocore.session.Session()
    made.set_credentials("AKIDTEST000000000000", "no secret")
    return made


def access(url: str, pki: Pki) -> KmsAccess:
    """Reach `url` under the CA of the tests."""
    return KmsAccess(TlsPolicy(ca_file=pki.ca_path), endpoint_url=url, session=session())
