"""A later snapshot that stands for a run without one: what becomes of a run whose packs others took up."""

from typing import TYPE_CHECKING

from proofkeep import canonical
from proofkeep.backup.confirm import confirm_keys, confirm_packs, referred_packs
from proofkeep.damage import packs_among
from proofkeep.format.pack_set import decode_packs
from proofkeep.repository.clock import TOLERANCE_NS
from proofkeep.snapshots import list_snapshots, read_packs

if TYPE_CHECKING:
    from proofkeep.backup.run import Backup


def later_snapshot(run: "Backup") -> str | None:
    """The newest complete snapshot of the run's entry, if its source was read after the run's and all of it is there.

    Of what the run itself sealed nothing may be gone either.

    Raises:
        IntegrityError, StoreError, TransportError: it could not look.
        CancelledError: the run was cancelled.
    """
    store, damaged = run.repository.store, frozenset(run.options.damaged)
    found, _ = list_snapshots(run.repository, run.entry)
    latest = run.clock() + TOLERANCE_NS  # what was read under a clock that is ahead says nothing
    whole = [each for each in found if each.facts.complete and each.facts.source_at <= latest]
    if not whole or whole[-1].facts.source_at <= (run.journal.fact("source_at") or 0):
        return None
    packs = read_packs(run.repository, whole[-1].id)
    referred = referred_packs(run, canonical.to_msgpack(packs))
    gone = [
        *confirm_packs(store, referred, lambda _: run.underway.glance()),
        *confirm_keys(run.repository, packs, damaged, lambda _: run.underway.glance()),
        *(set(packs_among(damaged)) & set(decode_packs(packs)) if damaged else ()),
    ]
    return None if gone else whole[-1].id.short
