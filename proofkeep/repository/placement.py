"""The ledger lies apart from the packs it vouches for."""

from proofkeep.errors import LedgerPlacementError
from proofkeep.model import Location


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
