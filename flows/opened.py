"""A repository opened for reading under the keys of a role."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from proofkeep.catalog import Catalog, refresh
from proofkeep.configuration import Configuration
from proofkeep.ledger import load_heads
from proofkeep.repository import Repository
from proofkeep.snapshots import ChunkStore, DataKeys


@dataclass(frozen=True, slots=True, eq=False)
class Opened:
    """What a restore needs; data keys are unwrapped when they are first needed."""

    repository: Repository
    catalog: Catalog
    data_keys: DataKeys
    chunks: ChunkStore


@contextmanager
def opened(configuration: Configuration, session: Any) -> Iterator[Opened]:
    """Connect and bring the catalog up to date.

    Raises:
        RollbackError: the ledger lacks a head that this host remembers.
        ProofkeepError: as `Configuration.connect` and `Configuration.key_providers`.
    """
    repository = configuration.connect(session)
    data_keys = DataKeys(repository, configuration.key_providers(session))
    state = configuration.open_state(repository)
    catalog = Catalog(state.catalog_file)
    try:
        refresh(repository, catalog, load_heads(state.heads_file))
        yield Opened(repository, catalog, data_keys, ChunkStore(repository, catalog, data_keys))
    finally:
        catalog.close()
