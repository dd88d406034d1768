"""Certificates for TLS tests: the right ones, and each kind of wrong one."""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from infra.servers.local_ca import Certificate, LocalCa


@dataclass(frozen=True)
class Pki:
    """One trusted CA and one that nobody trusts, with what each issued.

    `server`, `client` and `other_client` are good. `expired` and `wrong_host` come from the trusted CA,
    `rogue_server` and `rogue_client` from the other.
    """

    ca: LocalCa
    rogue_ca: LocalCa
    server: Certificate
    expired: Certificate
    wrong_host: Certificate
    client: Certificate
    other_client: Certificate
    rogue_server: Certificate
    rogue_client: Certificate

    @property
    def ca_path(self) -> Path:
        """What a client trusts."""
        return self.ca.ca_path


def make_pki(directory: Path) -> Pki:
    """Issue everything below `directory`."""
    ca = LocalCa(directory / "trusted", name="Proofkeep test CA")
    rogue_ca = LocalCa(directory / "rogue", name="Rogue test CA")
    return Pki(
        ca=ca,
        rogue_ca=rogue_ca,
        server=ca.issue("server"),
        expired=ca.issue("expired", lifetime=timedelta(days=-1)),
        wrong_host=ca.issue("wrong_host", ["elsewhere.example"]),
        client=ca.issue("client", ["backup-host.example"]),
        other_client=ca.issue("other_client", ["other-host.example"]),
        rogue_server=rogue_ca.issue("server"),
        rogue_client=rogue_ca.issue("client", ["backup-host.example"]),
    )
