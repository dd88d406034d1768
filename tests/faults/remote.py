"""A repository in two buckets of a real S3 server, reached directly or by a line that fails."""

import os
from dataclasses import dataclass, field, replace
from pathlib import Path

import botocore.session

from infra.servers.seaweedfs import SeaweedFs
from proofkeep.keys.host_secret import FileHostSecret, create_host_secret
from proofkeep.keys.key_files import create_key_file, export_public_key
from proofkeep.repository import Repository
from proofkeep.repository.create import create
from proofkeep.stores.s3 import S3Store
from proofkeep.tls import TlsPolicy
from proofkeep.tls.session import Patience
from tests.building import SIZES, Ground, plant
from tests.servers.pki import Pki
from tests.vectors import second_reader

PATIENT = Patience(attempts=1)
"""One request a call, so that nothing waits for botocore's delays: the engine's own attempts are what is tested."""

IMPATIENT = replace(PATIENT, read_seconds=1)
"""The same for a line on which some answer never comes."""


@dataclass(frozen=True)
class Place:
    """Two buckets, of packs and of the ledger, and the way to them: all that another process has to be told."""

    url: str
    region: str
    access_key: str
    secret_key: str
    ca_path: str
    buckets: tuple[str, str]
    prefix: str

    def stores(self, patience: Patience = PATIENT) -> tuple[S3Store, S3Store]:
        """Stores of packs and ledger."""
        packs, ledger = (
            S3Store(
                bucket,
                self.prefix,
                tls=TlsPolicy(Path(self.ca_path)),
                endpoint_url=self.url,
                region=self.region,
                session=self._session(),
                patience=patience,
            )
            for bucket in self.buckets
        )
        return packs, ledger

    def _session(self) -> botocore.session.Session:
        session = botocore.session.Session()
        session.set_credentials(self.access_key, self.secret_key)
        return session


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
        admin = self.server.admin
        keys = admin.access_key, admin.secret_key
        ca_path, prefix = str(self.pki.ca_path), os.urandom(4).hex()
        self.place = Place(self.server.url, self.server.region, *keys, ca_path, self.buckets, prefix)
        self.store, self.ledger = self.place.stores()  # type: ignore[assignment] # a port, as LocalStore is
        self.secret = FileHostSecret(self.root / "secret")
        self.key_file = self.root / "key.pem"
        create_host_secret(self.root / "secret")
        create_key_file(self.key_file, None)
        export_public_key(self.key_file, self.root / "public.pem")
        ours = self.wrapping
        stores = self.store, self.ledger
        create(*stores, self.secret, [ours.recipient], now_ns=self.now(), chunker=SIZES, keep_for=[ours])

    def second_reader(self) -> second_reader.Repository:
        """Of what lies in the buckets by now, laid where it looks."""
        for place, name in ((self.store, "store"), (self.ledger, "ledger")):
            plant(self.root / name, {stat.name: place.get(stat.name) for stat in place.list("")})
        return super().second_reader()

    def stores(self, url: str, patience: Patience = PATIENT) -> tuple[S3Store, S3Store]:
        """Stores of packs and ledger by way of `url`."""
        return replace(self.place, url=url).stores(patience)

    def connect_by(self, url: str, patience: Patience = PATIENT) -> Repository:
        """The repository by way of `url`."""
        store, ledger = self.stores(url, patience)
        return self.connect(store=store, ledger=ledger)
