"""A repository opened for reading: its catalog brought up to date, its chunks within reach of the restore role."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from itertools import islice
from typing import TYPE_CHECKING, Any

import msgspec

from proofkeep.configuration import adapters
from proofkeep.configuration.configuration import Configuration
from proofkeep.configuration.sections import LocalPlace
from proofkeep.format import names
from proofkeep.model import Finding
from proofkeep.ports import Progress
from proofkeep.progress import silent
from proofkeep.repository import Repository
from proofkeep.stores.foreseen import ForeseenStore

if TYPE_CHECKING:
    from proofkeep.catalog import Catalog
    from proofkeep.ledger import Heads
    from proofkeep.snapshots import ChunkStore, DataKeys

_ASKING = 2
_WRITERS = 64


class Opened(msgspec.Struct, frozen=True, eq=False):
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
def opened(
    configuration: Configuration, session: Any = None, *, unlocking: bool = False, progress: Progress = silent
) -> Iterator[Opened]:
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
    threads = ThreadPoolExecutor(_ASKING, thread_name_prefix="foreseen")
    try:
        store, ledger = (ForeseenStore(each, threads) for each in configuration.open_stores(session, reading=True))
        far = not (isinstance(configuration.store, LocalPlace) and isinstance(configuration.ledger, LocalPlace))
        if far:
            _foresee_opening(store, ledger)
        from proofkeep.catalog import Catalog, refresh  # noqa: PLC0415 - loaded while store and passphrase are worked on
        from proofkeep.ledger import load_heads  # noqa: PLC0415 - as above
        from proofkeep.snapshots import ChunkStore, DataKeys  # noqa: PLC0415 - as above

        repository = adapters.connect(store, ledger, configuration.open_host_secret(session))
        data_keys = DataKeys(repository, providers)
        state = configuration.open_state(repository)
        with closing(Catalog(state.catalog_file)) as catalog:
            remembered = load_heads(state.heads_file)
            if far:
                _foresee_refresh(store, ledger, catalog.heads())
            damage = refresh(repository, catalog, remembered, progress=progress)
            catalog.keep_little()
            yield Opened(repository, catalog, data_keys, ChunkStore(repository, catalog, data_keys), damage)
    finally:
        threads.shutdown(wait=False, cancel_futures=True)  # what hangs must not keep an error, or Ctrl-C, waiting


def _foresee_opening(store: ForeseenStore, ledger: ForeseenStore) -> None:
    """What is asked for whatever the repository turns out to hold; of most there is one epoch."""
    store.will_get(names.DESCRIPTOR)
    ledger.will_get(names.DESCRIPTOR)
    store.will_list(names.EPOCHS)
    store.will_get(names.epoch(1))
    ledger.will_stat(names.epoch(1))
    ledger.will_list(names.LEDGER)


def _foresee_refresh(store: ForeseenStore, ledger: ForeseenStore, heads: "Heads") -> None:
    """What is asked of each writer that is known."""
    for writer, head in islice(heads.items(), _WRITERS):
        chain, newest = f"{names.LEDGER}{writer.hex()}/", names.ledger(writer, head.sequence)
        ledger.will_get(newest)
        ledger.will_list(chain, after=newest)
        ledger.will_list(names.LEDGER, after=f"{chain}~")
        store.will_list(f"{names.LOCKS}{writer.hex()}/")
