"""Readiness questions over HTTP and HTTPS, with the server's own CA and nothing from the environment."""

import http.client
import ssl
from pathlib import Path
from urllib.parse import urlsplit

from infra.servers.local_ca import Certificate

ANSWER_SECONDS = 2.0


def tls_context(ca_path: Path, client: Certificate | None = None) -> ssl.SSLContext:
    """A client context that trusts `ca_path` alone, checks the host name, and speaks TLS 1.2 or newer."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_verify_locations(cafile=ca_path)
    if client is not None:
        context.load_cert_chain(client.cert_path, client.key_path)
    return context


def answers(url: str, context: ssl.SSLContext | None = None, *, below: int = 500) -> bool:
    """Whether a GET of `url` gets a status below `below` now; never raises for a server that is not there."""
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port
    if context is not None:
        connection: http.client.HTTPConnection = http.client.HTTPSConnection(
            host, port, timeout=ANSWER_SECONDS, context=context
        )
    else:
        connection = http.client.HTTPConnection(host, port, timeout=ANSWER_SECONDS)
    try:
        connection.request("GET", parts.path or "/")
        return connection.getresponse().status < below
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
