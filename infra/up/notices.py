"""Who is notified while one tries out: the terminal that `make up` runs in, by an https address of this machine."""

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from infra.servers.aws_endpoint import server_context
from infra.servers.local_ca import Certificate
from infra.servers.ports import LOOPBACK

_MOST_BYTES = 1 << 16
_MOST_CHARACTERS = 200


class Notices:
    """Serves from `start` to `stop`.

    Args:
        tell: called with subject and last line of each notification, the link of its run, as one short printable line.
    """

    def __init__(self, certificate: Certificate, tell: Callable[[str], None]) -> None:
        self._server = _Server((LOOPBACK, 0), _Handler)
        self._server.tell = tell
        context = server_context(certificate)
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.2,), name="notices", daemon=True)

    @property
    def url(self) -> str:
        """Where notifications go."""
        return f"https://{LOOPBACK}:{self._server.server_address[1]}"

    def start(self) -> None:
        """Serve, in a thread."""
        self._thread.start()

    def stop(self) -> None:
        """End it."""
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    tell: Callable[[str], None]

    def handle_error(self, *_: object) -> None:
        """Whoever breaks off is of no interest to who tries out."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def log_message(self, *_: object) -> None:
        """Say nothing of requests."""

    def do_POST(self) -> None:
        """Tell subject and link; anybody on this machine may post here, so that nothing but a short line is printed."""
        size = int(self.headers.get("Content-Length", 0))
        try:
            sent = json.loads(self.rfile.read(min(size, _MOST_BYTES)))
            subject, link = str(sent["subject"]), str(sent["body"]).splitlines()[-1]
        except (ValueError, KeyError, TypeError, IndexError):
            self.send_error(400)
            return
        self.server.tell(f"{_short(subject)}: {_short(link)}")
        self.send_response_only(204)
        self.end_headers()


def _short(text: str) -> str:
    return "".join(filter(str.isprintable, text))[:_MOST_CHARACTERS]
