"""The ledger lies apart from the packs it vouches for."""

import contextlib
import secrets
from hashlib import sha256

from proofkeep.errors import LedgerPlacementError, ObjectExistsError, StoreDeniedError
from proofkeep.model import Location
from proofkeep.ports import ObjectStore
from proofkeep.repository.stored import exists

TRIAL = b"is this seen in the ledger too"


def require_apart(store: Location, ledger: Location) -> None:
    """Raise `LedgerPlacementError` when one place is the other or holds it."""
    if store.kind != ledger.kind:
        return
    ours, theirs = (place.place.rstrip("/") + "/" for place in (store, ledger))
    by_name = ours.startswith(theirs) or theirs.startswith(ours)
    if by_name or _holds(store, ledger) or _holds(ledger, store):
        raise LedgerPlacementError(f"ledger would lie in {ledger.place}, the same place as the packs")


def _holds(outer: Location, inner: Location) -> bool:
    """Whether a directory is the other or holds it, whatever path leads there."""
    return any(own is not None and own in inner.within for own in outer.within[:1])


def try_apart(store: ObjectStore, ledger_store: ObjectStore) -> None:
    """Put something into the store and look for it in the ledger: two addresses may lead to one bucket.

    Raises:
        LedgerPlacementError: it is there. What was put is removed again, where the store lets things be removed.
    """
    name = f"probe/{secrets.token_hex(16)}"
    store.put(name, TRIAL, sha256=sha256(TRIAL).digest())
    try:
        refuse_shared(ledger_store, name)
    finally:
        with contextlib.suppress(StoreDeniedError, ObjectExistsError):
            store.delete(name)


def refuse_shared(ledger_store: ObjectStore, name: str) -> None:
    """Raise `LedgerPlacementError` when the ledger's store holds what belongs to the packs' alone."""
    with contextlib.suppress(StoreDeniedError):
        if exists(ledger_store, name):
            raise LedgerPlacementError(f"ledger would lie in {ledger_store.location.place}, where the packs lie too")
