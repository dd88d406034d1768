"""`init`: probe both stores, then create a repository in them (format.md sections 3 and 4).

Interrupted anywhere, it is repeated with the same host secret and goes on with what `begun` finds.
"""

import os
from collections.abc import Sequence
from hashlib import sha256

from msgspec.structs import replace

from proofkeep import events
from proofkeep.chunking import ChunkSizes
from proofkeep.errors import PolicyError, RepositoryExistsError
from proofkeep.format import descriptor as documents
from proofkeep.format import names
from proofkeep.format.descriptor import Descriptor, Epoch
from proofkeep.format.table import MAX_FRAME_PLAIN
from proofkeep.model import Capabilities
from proofkeep.ports import HostSecret, KeyProvider, ObjectStore, ReadableSecret
from proofkeep.probe import probe
from proofkeep.repository import Repository
from proofkeep.repository.begun import Begun, find_begun, first_keys
from proofkeep.repository.clock import check_clock
from proofkeep.repository.placement import require_apart, try_apart
from proofkeep.repository.recovery import keep_wrapped, try_recipients, wrap_for_all

AWS_MAC_SCHEME = "awskms-mac"
FILE_SCHEME = "file"

_UNPROBED = Capabilities(
    refuses_second_create=False, refuses_wrong_digest=False, refuses_overwrite=False, refuses_delete=False
)


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
    keep_for: Sequence[KeyProvider] = (),
) -> Repository:
    """Create an empty repository whose data keys are wrapped for `recipients` (KEK URIs, the first makes them).

    Args:
        retention_key: SubjectPublicKeyInfo (DER) of a P-384 key.
        keep_for: each is tried, and the host secret kept wrapped for it, unless a key service holds that; without
            them, losing every host that holds it loses the repository.

    Raises:
        RepositoryExistsError: the stores hold one, or one begun with another secret or other options; nothing was
            written.
        LedgerPlacementError: both stores are one place.
        ClockError: a store's clock disagrees with this host's; nothing was written.
        PolicyError: no recipient, or what no repository could be made with.
        KeyAccessError: the host secret cannot be had or wrapped, or a recipient makes no data keys; nothing was written
            but what the probe removes.
    """
    require_apart(store.location, ledger_store.location)
    sizes = chunker or ChunkSizes()
    _check(sizes, recipients, lock_days, keep_for)
    begun = find_begun(store, ledger_store, secret)
    check_clock({"store": store.clock, "ledger": ledger_store.clock})
    wanted = Descriptor(
        b"",
        now_ns,
        _UNPROBED,
        _UNPROBED,
        sizes,
        AWS_MAC_SCHEME if secret.uri.startswith(f"{AWS_MAC_SCHEME}:") else FILE_SCHEME,
        tuple(recipients),
        retention_key,
        lock_days,
    )
    resumed = None if begun is None else _require_same(begun, wanted, ledger_store)
    try_apart(store, ledger_store)
    start = begun or _begin(secret, now_ns)
    forms = []
    try_recipients(keep_for)
    if isinstance(secret, ReadableSecret):
        forms = wrap_for_all(store, start.epoch.repository, secret.read_secret(), keep_for, now_ns)
    # What an interrupted init saw and wrote under its mac is not probed again: the copies have to be the same.
    descriptor = resumed or replace(
        wanted,
        repository=start.epoch.repository,
        created_at_ns=start.epoch.created_at_ns,
        capabilities=probe(store, ""),
        ledger_capabilities=probe(ledger_store, ""),
    )
    key = start.keys.current.ledger
    sealed = documents.seal_descriptor(key, descriptor)
    # The descriptor comes last: a crash before it leaves nothing that `connect` would take for a repository.
    if begun is None:
        _put(store, names.epoch(1), documents.seal_epoch(key, start.epoch))
    keep_wrapped(store, start.epoch.repository, forms)
    if resumed is None:
        _put(ledger_store, names.DESCRIPTOR, sealed)
    _put(store, names.DESCRIPTOR, sealed)
    events.emit("repository-create", repository=descriptor.repository.hex(), recipients=len(recipients))
    return Repository(store, ledger_store, descriptor, start.keys)


def _check(
    sizes: ChunkSizes, recipients: Sequence[str], lock_days: int | None, keep_for: Sequence[KeyProvider]
) -> None:
    if not 0 < sizes.minimum <= sizes.average <= sizes.maximum <= MAX_FRAME_PLAIN:
        raise PolicyError(f"chunks must grow from minimum to maximum and fit into {MAX_FRAME_PLAIN} bytes")
    if not recipients:
        raise PolicyError("repository needs at least one recipient of its data keys")
    if lock_days is not None and lock_days < 1:
        raise PolicyError(f"objects cannot be locked for {lock_days} days")
    if keep_for and {provider.recipient for provider in keep_for} != set(recipients):
        raise PolicyError("host secret has to be kept for the recipients of data keys, for all of them and no other")


def _begin(secret: HostSecret, now_ns: int) -> Begun:
    repository, random = os.urandom(16), os.urandom(32)
    return Begun(Epoch(repository, 1, random, 1, now_ns), first_keys(secret, repository, random), None)


def _require_same(begun: Begun, wanted: Descriptor, ledger_store: ObjectStore) -> Descriptor | None:
    """The ledger's descriptor, if there is one and it is what would be written; capabilities are what `init` saw."""
    found = begun.descriptor
    if found is None:
        return None
    due = replace(
        wanted,
        repository=begun.epoch.repository,
        created_at_ns=begun.epoch.created_at_ns,
        capabilities=found.capabilities,
        ledger_capabilities=found.ledger_capabilities,
    )
    if found != due:
        raise RepositoryExistsError(
            f"{ledger_store.location.place} holds the ledger of a repository begun with other options; "
            "repeat init with those"
        )
    return found


def _put(store: ObjectStore, name: str, data: bytes) -> None:
    store.put(name, data, sha256=sha256(data).digest())
