"""An S3 server that can be asked without the SDK: its address, and credentials that the environment gives whole."""

import os
import re
import time
from collections.abc import Mapping
from urllib.parse import urlsplit

from proofkeep.stores.s3_places import place_elsewhere
from proofkeep.stores.s3_signature import Credentials, signed, target_of
from proofkeep.tls import TlsPolicy, TlsRecorder
from proofkeep.tls.addresses import require_endpoint
from proofkeep.tls.lines import Answer, Lines

HTTPS = 443
# With any other variable of AWS's, or files of its own, the SDK's chain may have more to say.
UNDERSTOOD = frozenset(
    {
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "AWS_DEFAULT_REGION",
        "AWS_CA_BUNDLE",
        "AWS_EC2_METADATA_DISABLED",
    }
)
_HOST = re.compile(r"[a-z0-9.-]*[a-z0-9]")  # without the dot at its end that a certificate does not have
_SPELLED = re.compile(r"[!-~]+")  # as a header can hold it; a secret that was read with its line's end cannot be sent


class Server:
    """An S3 server, and who we are there. Safe to use from several threads."""

    def __init__(self, host: str, port: int, region: str, credentials: Credentials, policy: TlsPolicy) -> None:
        self.recorder = TlsRecorder()
        self._host = host if port == HTTPS else f"{host}:{port}"
        self._region = region
        self._credentials = credentials
        self._lines = Lines(host, port, policy, self.recorder)

    def ask(
        self, method: str, path: str, query: Mapping[str, str], most: int, headers: Mapping[str, str] | None = None
    ) -> Answer | None:
        """See `Lines.ask`."""
        target = target_of(path, query)
        at = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        said = {"host": self._host, **(headers or {})}
        whole = signed(method, target, said, credentials=self._credentials, region=self._region, at=at)
        return self._lines.ask(method, target, whole, most)


def open_server(endpoint_url: str, region: str | None, tls: TlsPolicy) -> Server | None:
    """The server, if all that it takes to ask it is known without the SDK, and it is not AWS.

    Raises:
        UsageError, TlsPolicyError: the address or a file of the policy is not usable.
    """
    region = region or os.environ.get("AWS_DEFAULT_REGION")
    credentials = _ambient_credentials()
    if not region or not _SPELLED.fullmatch(region) or credentials is None:
        return None
    require_endpoint(endpoint_url)
    parts = urlsplit(endpoint_url)
    host = str(parts.hostname)
    if place_elsewhere(endpoint_url, "") is None or parts.path.strip("/") or not _HOST.fullmatch(host):
        return None
    return Server(host, parts.port or HTTPS, region, credentials, tls)


def _ambient_credentials() -> Credentials | None:
    """Those of the environment, which come first in the SDK's chain; None where it is to decide."""
    said = {name: value for name, value in os.environ.items() if name.startswith("AWS_")}
    identity = said.get("AWS_ACCESS_KEY_ID", ""), said.get("AWS_SECRET_ACCESS_KEY", "")
    token = said.get("AWS_SESSION_TOKEN") or None
    folder = os.path.expanduser("~/.aws")  # noqa: PTH111 - without a home, pathlib's raises
    if not said.keys() <= UNDERSTOOD or os.path.exists(folder):  # noqa: PTH110 - as above, if it is closed
        return None
    if not all(_SPELLED.fullmatch(part) for part in (*identity, token or "-")):
        return None
    return Credentials(*identity, token)
