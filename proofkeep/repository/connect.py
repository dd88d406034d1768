"""Connect to a repository: read its descriptor and epochs, derive this host's keys, refuse what does not hold."""

from collections.abc import Iterator

from proofkeep.crypto import host_keys
from proofkeep.crypto.host_keys import EpochKeys, HostKeys
from proofkeep.errors import (
    AuthenticationError,
    LedgerMismatchError,
    LedgerMissingError,
    MalformedError,
    ObjectMissingError,
    RepositoryMissingError,
)
from proofkeep.format import descriptor as documents
from proofkeep.format import names
from proofkeep.format.descriptor import Epoch
from proofkeep.ports import HostSecret, ObjectStore
from proofkeep.repository import Repository
from proofkeep.repository.placement import refuse_shared, require_apart


def connect(store: ObjectStore, ledger_store: ObjectStore, secret: HostSecret) -> Repository:
    """The repository in these stores, with every epoch's keys.

    Raises:
        RepositoryMissingError, LedgerMissingError, LedgerPlacementError, UnsupportedVersionError.
        LedgerMismatchError: the two copies of the descriptor differ.
        AuthenticationError: the host secret is another repository's, or the descriptor was altered.
        KeyAccessError, StoreError, TransportError: of the kind met.
    """
    require_apart(store.location, ledger_store.location)
    sealed = _descriptor(store, ledger_store)
    refuse_shared(ledger_store, names.epoch(1))
    repository = documents.peek_repository(sealed)
    epochs = sorted(_epochs(store))
    if not epochs or epochs[0] != 1:
        raise AuthenticationError(f"repository {repository.hex()} has no first epoch")
    secrets: dict[int, bytes] = {}
    keys: dict[int, EpochKeys] = {}
    generations: set[int] = set()
    newest = Epoch(repository, 0, b"", 0, 0)
    for number in epochs:
        data = store.get(names.epoch(number))
        random = documents.peek_random(data, number)
        secrets[number] = host_keys.epoch_secret(secret, repository, number, random)
        keys[number] = host_keys.derive_epoch_keys(secrets[number], repository, number)
        newest = documents.open_epoch(keys[number].ledger, repository, number, data)
        generations.add(newest.id_epoch)
    descriptor = documents.open_descriptor(keys[1].ledger, sealed)
    return Repository(
        store,
        ledger_store,
        descriptor,
        HostKeys(
            repository,
            keys,
            newest.number,
            host_keys.derive_id_keys(secrets[newest.id_epoch], repository, newest.id_epoch),
            host_keys.derive_entry_key(secrets[1], repository),
            tuple(
                host_keys.derive_id_keys(secrets[epoch], repository, epoch)
                for epoch in sorted(generations - {newest.id_epoch})
            ),
        ),
    )


def _epochs(store: ObjectStore) -> Iterator[int]:
    """Numbers of the epochs; what has no epoch's name is none, and anybody can put it there."""
    for stat in store.list(names.EPOCHS):
        try:
            yield names.parse_epoch(stat.name)
        except MalformedError:
            continue


def _descriptor(store: ObjectStore, ledger_store: ObjectStore) -> bytes:
    try:
        sealed = store.get(names.DESCRIPTOR)
    except ObjectMissingError:
        raise RepositoryMissingError(f"{store.location.place} holds no repository") from None
    try:
        copy = ledger_store.get(names.DESCRIPTOR)
    except ObjectMissingError:
        raise LedgerMissingError(f"{ledger_store.location.place} holds no ledger") from None
    if copy != sealed:
        raise LedgerMismatchError("repository and ledger hold different descriptors")
    return sealed
