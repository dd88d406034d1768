"""What an interrupted `init` left, so that repeating it goes on where it stopped; reads only.

`init` writes epoch 1, wrapped host secrets, the ledger's descriptor and the store's, in this order. Whatever else lies
there is no half repository but what remains of a whole one, and is refused.
"""

from dataclasses import dataclass

from proofkeep.crypto import host_keys
from proofkeep.crypto.host_keys import HostKeys
from proofkeep.errors import AuthenticationError, MalformedError, ObjectMissingError, RepositoryExistsError
from proofkeep.format import descriptor as documents
from proofkeep.format import names
from proofkeep.format.descriptor import Descriptor, Epoch
from proofkeep.ports import HostSecret, ObjectStore
from proofkeep.repository.stored import exists

_OF_WHOLE_REPOSITORIES = (names.PACKS, names.KEYS, names.INDEX, names.SNAPSHOTS, names.LOCKS, names.RETIRED)


@dataclass(frozen=True, slots=True)
class Begun:
    """The first epoch, its keys, and the ledger's descriptor where `init` came that far."""

    epoch: Epoch
    keys: HostKeys
    descriptor: Descriptor | None


def find_begun(store: ObjectStore, ledger_store: ObjectStore, secret: HostSecret) -> Begun | None:
    """What an `init` with this host secret began in these stores; None where none did.

    Raises:
        RepositoryExistsError: a repository, what is left of one, or what another host secret began.
    """
    _require_unused(store, ledger_store)
    sealed = _get(ledger_store, names.DESCRIPTOR)
    data = _get(store, names.epoch(1))
    if data is None:
        if sealed is not None:
            raise RepositoryExistsError(f"{ledger_store.location.place} already holds the ledger of a repository")
        return None
    try:
        repository, random = documents.peek_epoch_repository(data, 1), documents.peek_random(data, 1)
        keys = first_keys(secret, repository, random)
        epoch = documents.open_epoch(keys.current.ledger, repository, 1, data)
        descriptor = None if sealed is None else documents.open_descriptor(keys.current.ledger, sealed)
    except (AuthenticationError, MalformedError):
        raise RepositoryExistsError(
            f"{store.location.place} holds a repository begun with another host secret, or damaged"
        ) from None
    if descriptor is not None and documents.seal_descriptor(keys.current.ledger, descriptor) != sealed:
        raise RepositoryExistsError(
            f"{ledger_store.location.place} holds a descriptor that this software did not write"
        )
    return Begun(epoch, keys, descriptor)


def first_keys(secret: HostSecret, repository: bytes, random: bytes) -> HostKeys:
    """The host keys of a repository whose only epoch is the first; raises as `HostSecret.mac`."""
    first = host_keys.epoch_secret(secret, repository, 1, random)
    return HostKeys(
        repository,
        {1: host_keys.derive_epoch_keys(first, repository, 1)},
        1,
        host_keys.derive_id_keys(first, repository, 1),
        host_keys.derive_entry_key(first, repository),
    )


def _require_unused(store: ObjectStore, ledger_store: ObjectStore) -> None:
    if exists(store, names.DESCRIPTOR):
        raise RepositoryExistsError(f"{store.location.place} already holds a repository")
    if _holds(ledger_store, names.LEDGER):
        raise RepositoryExistsError(f"{ledger_store.location.place} already holds ledger entries")
    later = next(store.list(names.EPOCHS, after=names.epoch(1)), None) is not None
    if later or any(_holds(store, prefix) for prefix in _OF_WHOLE_REPOSITORIES):
        raise RepositoryExistsError(f"{store.location.place} holds what is left of a repository without its descriptor")


def _holds(store: ObjectStore, prefix: str) -> bool:
    return next(store.list(prefix), None) is not None


def _get(store: ObjectStore, name: str) -> bytes | None:
    try:
        return store.get(name)
    except ObjectMissingError:
        return None
