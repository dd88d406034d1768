"""The ledger lies apart from the packs it vouches for."""

from proofkeep.errors import LedgerPlacementError
from proofkeep.model import Location


def require_apart(store: Location, ledger: Location) -> None:
    """Raise `LedgerPlacementError` when one place is the other or holds it."""
    if store.kind != ledger.kind:
        return
    ours, theirs = (place.place.rstrip("/") + "/" for place in (store, ledger))
    if ours.startswith(theirs) or theirs.startswith(ours):
        raise LedgerPlacementError(f"ledger would lie in {ledger.place}, the same place as the packs")
