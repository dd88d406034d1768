"""Wrapped data keys as the store holds them: opened as far as a host can that unwraps none of them."""

from proofkeep.errors import AuthenticationError
from proofkeep.format import wrapped
from proofkeep.format.wrapped import WrappedDataKey
from proofkeep.repository import Repository
from proofkeep.repository.stored import fetch


def read_form(repository: Repository, name: str) -> WrappedDataKey:
    """The wrapped key under `name`, once its MAC and its place hold (format.md section 5).

    Raises:
        ObjectMissingError: it is gone.
        IntegrityError: of the kind met; also one that names an epoch that nobody made.
        StoreError, TransportError: of the kind met.
    """
    return open_form(repository, name, fetch(repository.store, name))


def open_form(repository: Repository, name: str, data: bytes) -> WrappedDataKey:
    """The wrapped key in `data`, which lay under `name`. Raises as `read_form`, but for what only a store meets."""
    keys = repository.keys.epochs.get(wrapped.peek_epoch(data, f"wrapped key {name}"))
    if keys is None:
        raise AuthenticationError(f"wrapped key {name} names an epoch that does not exist")
    return wrapped.open_wrapped(keys.ledger, repository.id, name, data)
