"""A repository in two buckets of a real S3 server, reached directly or by a line that fails."""

import os
from dataclasses import dataclass, field, replace

import botocore.session

from infra.servers.seaweedfs import SeaweedFs
from proofkeep.keys.host_secret import FileHostSecret, create_host_secret
from proofkeep.keys.key_files import create_key_file, export_public_key
from proofkeep.repository import Repository
from proofkeep.repository.create import create
from proofkeep.stores.s3 import S3Store
from proofkeep.tls import TlsPolicy
from proofkeep.tls.session import Patience
from tests.building import SIZES, Ground
from tests.servers.pki import Pki

PATIENT = Patience(attempts=1)
"""One request a call, so that nothing waits for botocore's delays: the engine's own attempts are what is tested."""

IMPATIENT = replace(PATIENT, read_seconds=1)
"""The same for a line on which some answer never comes."""


@dataclass(eq=False)
class RemoteGround(Ground):
    """A `Ground` whose stores are buckets.

    Args:
        buckets: of packs and of the ledger; they exist.
    """

    server: SeaweedFs = field(kw_only=True)
    pki: Pki = field(kw_only=True)
    buckets: tuple[str, str] = field(kw_only=True)

    def __post_init__(self) -> None:
        self.root.mkdir(parents=True)
        self._prefix = os.urandom(4).hex()
        self.store, self.ledger = self.stores(self.server.url)  # type: ignore[assignment] # a port, as LocalStore is
        self.secret = FileHostSecret(self.root / "secret")
        self.key_file = self.root / "key.pem"
        create_host_secret(self.root / "secret")
        create_key_file(self.key_file, None)
        export_public_key(self.key_file, self.root / "public.pem")
        ours = self.wrapping
        stores = self.store, self.ledger
        create(*stores, self.secret, [ours.recipient], now_ns=self.now(), chunker=SIZES, keep_for=[ours])

    def stores(self, url: str, patience: Patience = PATIENT) -> tuple[S3Store, S3Store]:
        """Stores of packs and ledger by way of `url`."""
        packs, ledger = (
            S3Store(
                bucket,
                self._prefix,
                tls=TlsPolicy(self.pki.ca_path),
                endpoint_url=url,
                region=self.server.region,
                session=_session(self.server),
                patience=patience,
            )
            for bucket in self.buckets
        )
        return packs, ledger

    def connect_by(self, url: str, patience: Patience = PATIENT) -> Repository:
        """The repository by way of `url`."""
        store, ledger = self.stores(url, patience)
        return self.connect(store=store, ledger=ledger)


def _session(server: SeaweedFs) -> botocore.session.Session:
    session = botocore.session.Session()
    session.set_credentials(server.admin.access_key, server.admin.secret_key)
    return session
