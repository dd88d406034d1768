"""A repository with its blocks at the Prefect server: what a platform engineer sets up before the first backup."""

import os
import random
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from prefect.client.schemas.actions import BlockDocumentCreate, BlockDocumentUpdate
from prefect.exceptions import ObjectAlreadyExists

from blocks import KeyProvider, Ledger, ObjectStore, Repository, Source, TlsPolicy
from blocks.base import ConfigurationBlock
from proofkeep.chunking import ChunkSizes
from proofkeep.configuration import Configuration
from proofkeep.keys.host_secret import create_host_secret
from proofkeep.keys.key_files import create_key_file, export_public_key
from proofkeep.repository.create import create
from tests.engine.targets.trees import portrait
from tests.flows.running import client

MIB = 1 << 20
SMALL = {"spool_limit": 16 * MIB, "pack_size": MIB, "attempts": 1}
"""Options under which a transfer closes at 4 MiB and nothing is tried twice."""

ENTRY = "home"


def store_documents(name: str, *blocks: ConfigurationBlock) -> None:
    """Store the documents that `save` stores, under types and schemas that the session has registered.

    `save` registers those of every nested block anew: 50 requests and a second of work for a house. A document that is
    there is overwritten.
    """
    with client() as api:
        for block in blocks:
            kind = type(block)
            assert kind._block_type_id is not None
            schema = kind._block_schema_id
            assert schema is not None
            hidden = {"include_secrets": True}
            data = block.model_dump(mode="json", include=set(kind.model_fields), context=hidden)
            try:
                api.create_block_document(
                    BlockDocumentCreate(name=name, data=data, block_type_id=kind._block_type_id, block_schema_id=schema)
                )
            except ObjectAlreadyExists:
                there = api.read_block_document_by_name(name, kind.get_block_type_slug())
                api.update_block_document(there.id, BlockDocumentUpdate(data=data, block_schema_id=schema))


@dataclass
class House:
    """One repository, its keys, a source, and the names of their blocks.

    Args:
        root: everything local lies below it.
        store, ledger: fields of their blocks; local directories by default.
        tls: fields of a TLS policy block, if there is one.
        keys: fields of the block of the backup role's keys; a key pair of the house by default.
    """

    root: Path
    store: Mapping[str, Any] = field(default_factory=dict)
    ledger: Mapping[str, Any] = field(default_factory=dict)
    tls: Mapping[str, Any] | None = None
    keys: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        self.name = f"house-{os.urandom(4).hex()}"
        self.source = self.root / "source"
        self.state = self.root / "state"
        self.source.mkdir(parents=True)
        create_host_secret(self.root / "host.secret")
        create_key_file(self.root / "key.pem", None)
        export_public_key(self.root / "key.pem", self.root / "public.pem")
        self.block = Repository(
            store=ObjectStore(**(self.store or self._directory("store"))),
            ledger=Ledger(store=ObjectStore(**(self.ledger or self._directory("ledger")))),
            keys=KeyProvider(**(self.keys or {"providers": [f"file:{self.root / 'public.pem'}"]})),
            tls=None if self.tls is None else TlsPolicy(**self.tls),
            host_secret=f"file:{self.root / 'host.secret'}",
            state=str(self.state),
        )
        restore_role = KeyProvider(**(self.keys or {"providers": [f"file:{self.root / 'key.pem'}"]}))
        store_documents(self.name, self.block, Source(root=str(self.source), label="test"), restore_role)
        configuration = self.configuration
        create(
            *configuration.open_stores(),
            configuration.open_host_secret(),
            [provider.recipient for provider in configuration.key_providers()],
            now_ns=time.time_ns(),
            chunker=ChunkSizes(16 << 10, 64 << 10, 256 << 10),
            keep_for=configuration.key_providers(),
        )

    def _directory(self, name: str) -> dict[str, Any]:
        return {"kind": "local", "path": str(self.root / name)}

    @property
    def configuration(self) -> Configuration:
        """The engine's configuration under the backup role."""
        return self.block.configuration(entry=ENTRY)

    def fill(self, mebibytes: int) -> None:
        """Put files of 1 MiB each that nothing compresses into the source."""
        noise = random.Random(self.name)  # noqa: S311 - test data
        for number in range(mebibytes):
            (self.source / f"noise-{number:03}").write_bytes(noise.randbytes(MIB))

    def parameters(self, **options: Any) -> dict[str, Any]:
        """Parameters of a backup, small transfers by default."""
        return {"entry": ENTRY, "repository": self.name, "source": self.name, "options": SMALL | options}

    def is_restored(self, target: Path) -> bool:
        """Whether the tree at `target` is the source's, bit for bit and with its metadata."""
        return portrait(target) == portrait(self.source)
