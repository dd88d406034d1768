"""A certificate authority for loopback: demo and tests only.

Keys are ECDSA P-256 and lie in clear in the directory given, readable by their owner only.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import trustme

LOOPBACK_NAMES = ("localhost", "127.0.0.1", "::1")
YEAR = timedelta(days=365)
"""How long what is issued is valid: browsers take no more than 398 days, and each start issues anew."""


@dataclass(frozen=True)
class Certificate:
    """A certificate chain and its private key, as PEM files."""

    cert_path: Path
    key_path: Path


@dataclass
class LocalCa:
    """Issues certificates into `directory`; its own certificate is `ca_path`, its key is never written."""

    directory: Path
    name: str = "Proofkeep local CA"
    _authority: trustme.CA = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._authority = trustme.CA(organization_name=self.name)
        self._authority.cert_pem.write_to_path(self.ca_path)

    @property
    def ca_path(self) -> Path:
        """The CA certificate as PEM: what a client must trust."""
        return self.directory / "ca.pem"

    def issue(
        self,
        name: str,
        identities: Sequence[str] = LOOPBACK_NAMES,
        *,
        lifetime: timedelta = YEAR,
    ) -> Certificate:
        """Issue `<name>.pem` and `<name>.key`, fit for servers and clients.

        Args:
            identities: DNS names and IP addresses for the subject alternative name; the first DNS name or the
                first identity is also the common name.
            lifetime: counted from now; a negative one makes a certificate that has expired.
        """
        now = datetime.now(UTC)
        issued = self._authority.issue_cert(
            *identities,
            common_name=identities[0],
            not_before=min(now, now + lifetime) - timedelta(days=1),
            not_after=now + lifetime,
        )
        certificate = Certificate(self.directory / f"{name}.pem", self.directory / f"{name}.key")
        chain = b"".join(blob.bytes() for blob in issued.cert_chain_pems)
        certificate.cert_path.write_bytes(chain)
        _write_private(certificate.key_path, issued.private_key_pem.bytes())
        return certificate


def _write_private(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
