"""What the ledger says of everything that was stored: how it travelled, under which key, how its arrival was proven."""

import ssl
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from proofkeep.configuration import Configuration
from proofkeep.ledger import read_chain, writers
from proofkeep.model import TlsSession


@dataclass
class Vouched:
    """Gathered from every authenticated ledger entry.

    Attributes:
        connections: what each object's connection negotiated; None for one without.
        recipients: URIs of the keys under which data keys were wrapped.
        proofs: how arrival was proven.
    """

    objects: int = 0
    data_keys: set[str] = field(default_factory=set)
    connections: set[TlsSession | None] = field(default_factory=set)
    recipients: set[str] = field(default_factory=set)
    proofs: set[str] = field(default_factory=set)


def hear(configuration: Configuration) -> Vouched:
    """Read the whole ledger, every MAC and link of it checked."""
    told = Vouched()
    repository = configuration.connect()
    for writer in writers(repository):
        for entry, _ in read_chain(repository, writer):
            for item in entry.objects:
                told.objects += 1
                told.connections.add(item.tls)
                told.proofs.add(item.verified_by)
            if entry.session is not None:
                told.data_keys.add(str(entry.session["data_key"]))
                told.recipients |= {str(each["recipient"]) for each in entry.session["recipients"]}
    return told


def certificate_digest(chain: Path) -> str:
    """SHA-256 (hex) of the first certificate of a PEM file: what a ledger entry calls the peer's."""
    end = "-----END CERTIFICATE-----\n"
    first = chain.read_text("ascii").partition(end)[0] + end
    return sha256(ssl.PEM_cert_to_DER_cert(first)).hexdigest()
