"""A repository opened for reading: its catalog brought up to date, its chunks within reach of the restore role."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from proofkeep.configuration.configuration import Configuration
from proofkeep.model import Finding
from proofkeep.repository import Repository

if TYPE_CHECKING:
    from proofkeep.catalog import Catalog
    from proofkeep.snapshots import ChunkStore, DataKeys


@dataclass(frozen=True, slots=True, eq=False)
class Opened:
    """What listing and restoring need; no data key is unwrapped before it is needed.

    Attributes:
        damage: what in the ledger or the index does not hold, a head that this host remembers included.
    """

    repository: Repository
    catalog: "Catalog"
    data_keys: "DataKeys"
    chunks: "ChunkStore"
    damage: list[Finding]


@contextmanager
def opened(configuration: Configuration, session: Any = None, *, unlocking: bool = False) -> Iterator[Opened]:
    """Connect and refresh.

    Args:
        session: as in `Configuration`.
        unlocking: whether data keys are needed for sure; a passphrase's derivation then goes on beside all this.

    Raises:
        ProofkeepError: as `Configuration.connect` and `Configuration.key_providers`.
    """
    providers = configuration.key_providers(session)
    for provider in providers if unlocking else ():
        provider.unlock()
    from proofkeep.catalog import Catalog, refresh  # noqa: PLC0415 - loaded while a passphrase is worked on
    from proofkeep.ledger import load_heads  # noqa: PLC0415 - as above
    from proofkeep.snapshots import ChunkStore, DataKeys  # noqa: PLC0415 - as above

    repository = configuration.connect(session, reading=True)
    data_keys = DataKeys(repository, providers)
    state = configuration.open_state(repository)
    with closing(Catalog(state.catalog_file)) as catalog:
        damage = refresh(repository, catalog, load_heads(state.heads_file))
        yield Opened(repository, catalog, data_keys, ChunkStore(repository, catalog, data_keys), damage)
