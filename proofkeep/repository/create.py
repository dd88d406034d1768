"""`init`: probe both stores, then create a repository in them (format.md sections 3 and 4)."""

import os
from collections.abc import Sequence
from hashlib import sha256

from proofkeep import events
from proofkeep.chunking import ChunkSizes
from proofkeep.crypto import host_keys
from proofkeep.crypto.host_keys import HostKeys
from proofkeep.errors import PolicyError, RepositoryExistsError
from proofkeep.format import descriptor as documents
from proofkeep.format import names
from proofkeep.format.descriptor import Descriptor, Epoch
from proofkeep.format.table import MAX_FRAME_PLAIN
from proofkeep.ports import HostSecret, ObjectStore
from proofkeep.probe import probe
from proofkeep.repository import Repository
from proofkeep.repository.placement import require_apart
from proofkeep.repository.stored import exists

AWS_MAC_SCHEME = "awskms-mac"
FILE_SCHEME = "file"


def create(
    store: ObjectStore,
    ledger_store: ObjectStore,
    secret: HostSecret,
    recipients: Sequence[str],
    *,
    now_ns: int,
    chunker: ChunkSizes | None = None,
    retention_key: bytes | None = None,
    lock_days: int | None = None,
) -> Repository:
    """Create an empty repository whose data keys are wrapped for `recipients` (KEK URIs, the first makes them).

    Raises:
        RepositoryExistsError: either store already holds one; nothing was written.
        LedgerPlacementError: both stores are one place.
        PolicyError: no recipient, or chunk sizes that no frame could hold.
    """
    require_apart(store.location, ledger_store.location)
    sizes = chunker or ChunkSizes()
    if not 0 < sizes.minimum <= sizes.average <= sizes.maximum <= MAX_FRAME_PLAIN:
        raise PolicyError(f"chunks must grow from minimum to maximum and fit into {MAX_FRAME_PLAIN} bytes")
    if not recipients:
        raise PolicyError("repository needs at least one recipient of its data keys")
    for place in (store, ledger_store):
        if exists(place, names.DESCRIPTOR):
            raise RepositoryExistsError(f"{place.location.place} already holds a repository")
    repository = os.urandom(16)
    random = os.urandom(32)
    descriptor = Descriptor(
        repository,
        now_ns,
        probe(store, ""),
        probe(ledger_store, ""),
        sizes,
        AWS_MAC_SCHEME if secret.uri.startswith(f"{AWS_MAC_SCHEME}:") else FILE_SCHEME,
        tuple(recipients),
        retention_key,
        lock_days,
    )
    epoch = Epoch(repository, 1, random, 1, now_ns)
    first = host_keys.epoch_secret(secret, repository, 1, random)
    keys = HostKeys(
        repository,
        {1: host_keys.derive_epoch_keys(first, repository, 1)},
        1,
        host_keys.derive_id_keys(first, repository, 1),
        host_keys.derive_entry_key(first, repository),
    )
    sealed = documents.seal_descriptor(keys.current.ledger, descriptor)
    # The descriptor comes last: a crash before it leaves nothing that `connect` would take for a repository.
    _put(store, names.epoch(1), documents.seal_epoch(keys.current.ledger, epoch))
    _put(ledger_store, names.DESCRIPTOR, sealed)
    _put(store, names.DESCRIPTOR, sealed)
    events.emit("repository-create", repository=repository.hex(), recipients=len(recipients))
    return Repository(store, ledger_store, descriptor, keys)


def _put(store: ObjectStore, name: str, data: bytes) -> None:
    store.put(name, data, sha256=sha256(data).digest())
