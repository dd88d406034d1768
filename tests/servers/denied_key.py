"""A TLS server in front of the AWS endpoint that denies an action of KMS for as long as it is told to."""

import json
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from infra.servers.aws_endpoint import AwsEndpoint
from infra.servers.ports import LOOPBACK
from tests.servers.pki import Pki
from tests.servers.wrong_date import PassingHandler, PassingServer


class KeyGate(PassingServer):
    """Passes everything on, but the denied actions.

    Attributes:
        denied: actions such as `GenerateDataKey`; may be changed at any time.
        asked: how often each action was asked for.
    """

    def __init__(self, pki: Pki, behind: AwsEndpoint) -> None:
        super().__init__(pki, behind, 0.0, handler=_Denying)
        self.denied: frozenset[str] = frozenset()
        self.asked: Counter[str] = Counter()

    @property
    def url(self) -> str:
        """The `endpoint_url`."""
        return f"https://{LOOPBACK}:{self.server_address[1]}"


class _Denying(PassingHandler):
    server: KeyGate

    def _pass_or_deny(self) -> None:
        action = self.headers.get("X-Amz-Target", "").removeprefix("TrentService.")
        self.server.asked[action] += 1
        if action not in self.server.denied:
            self.do_GET()
            return
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        said = f"User is not authorized to perform: kms:{action} on this resource"
        body = json.dumps({"__type": "AccessDeniedException", "Message": said}).encode()
        self.send_response_only(400)
        self.send_header("Date", self.date_time_string())
        self.send_header("Content-Type", "application/x-amz-json-1.1")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = _pass_or_deny  # noqa: N815 - http.server's name


@contextmanager
def key_gate(pki: Pki, behind: AwsEndpoint) -> Iterator[KeyGate]:
    """Serve on a free port of loopback until the block ends."""
    with KeyGate(pki, behind) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
