"""A repository opened for reading: its catalog brought up to date, its chunks within reach of the restore role."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from proofkeep.catalog import Catalog, refresh
from proofkeep.configuration import Configuration
from proofkeep.ledger import load_heads
from proofkeep.model import Finding
from proofkeep.repository import Repository
from proofkeep.snapshots import ChunkStore, DataKeys


@dataclass(frozen=True, slots=True)
class Opened:
    """What listing and restoring need.

    Attributes:
        damage: what the catalog could not learn.
    """

    repository: Repository
    catalog: Catalog
    data_keys: DataKeys
    chunks: ChunkStore
    damage: list[Finding]


@contextmanager
def opened(configuration: Configuration) -> Iterator[Opened]:
    """Connect and refresh; no data key is unwrapped before it is needed.

    Raises:
        RollbackError: the ledger lacks a head that this host remembers.
        ProofkeepError: as `Configuration.connect` and `Configuration.key_providers`.
    """
    repository = configuration.connect()
    data_keys = DataKeys(repository, configuration.key_providers())
    state = configuration.open_state(repository)
    catalog = Catalog(state.catalog_file)
    try:
        damage = refresh(repository, catalog, load_heads(state.heads_file))
        yield Opened(repository, catalog, data_keys, ChunkStore(repository, catalog, data_keys), damage)
    finally:
        catalog.close()
