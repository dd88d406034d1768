"""In which order snapshots were taken, although a clock was wrong for a while."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from functools import cache, partial
from typing import TYPE_CHECKING

from proofkeep.errors import REFUSED, ObjectMissingError
from proofkeep.format.names import SnapshotId
from proofkeep.format.record import LedgerHead
from proofkeep.ledger import Head, entries_at
from proofkeep.repository import Repository
from proofkeep.repository.clock import TOLERANCE_NS

if TYPE_CHECKING:
    from proofkeep.snapshots.records import CommittedSnapshot

_NEVER = 1 << 63


def in_order(repository: Repository, snapshots: Iterable["CommittedSnapshot"]) -> list["CommittedSnapshot"]:
    """By source instant; what was read under a clock that was ahead comes before what its writer committed later.

    The ledger tells: behind such a snapshot its chain goes on at an earlier time. What was only committed late, by a
    resumed run, is committed at a later time than all before it, and keeps the place of its own instant.

    Raises:
        StoreError, TransportError: an entry that has to tell cannot be read.
    """
    chains: dict[tuple[bytes, bytes], list[CommittedSnapshot]] = defaultdict(list)
    for snapshot in sorted(snapshots, key=lambda each: each.facts.ledger.sequence):
        chains[snapshot.id.entry, snapshot.id.writer].append(snapshot)
    committed_at = cache(partial(_committed_at, repository))
    before: dict[SnapshotId, int] = {}
    for chain in chains.values():
        before |= _from_the_future(chain, committed_at)

    def place(snapshot: "CommittedSnapshot") -> tuple[int, bool, int, SnapshotId]:
        at = snapshot.facts.source_at
        return before.get(snapshot.id, at), snapshot.id not in before, at, snapshot.id

    return sorted((snapshot for chain in chains.values() for snapshot in chain), key=place)


def _from_the_future(
    chain: Sequence["CommittedSnapshot"], committed_at: Callable[[LedgerHead], int]
) -> dict[SnapshotId, int]:
    """Instants before which snapshots stand whose own are refuted; `chain` is in the order of the commits."""
    found: dict[SnapshotId, int] = {}
    earliest = _NEVER  # of what was committed behind: hardly ever is it earlier, and then only somebody has to look
    for number in reversed(range(len(chain))):
        at = chain[number].facts.source_at
        limit = at - TOLERANCE_NS
        behind = chain[number + 1 :] if earliest < limit else ()
        for later in behind:
            if later.facts.source_at < limit and committed_at(later.facts.ledger) < limit:
                found[chain[number].id] = later.facts.source_at
                break
        earliest = min(earliest, at)
    return found


def _committed_at(repository: Repository, head: LedgerHead) -> int:
    """When the ledger entry was written that a record names; one that does not hold refutes nothing."""
    try:
        (entry,) = entries_at(repository, {head.writer: Head(head.sequence, head.sha256)})
    except (*REFUSED, ObjectMissingError):
        return _NEVER
    return entry.at_ns
