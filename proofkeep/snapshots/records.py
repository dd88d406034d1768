"""Committed snapshots: what every enrolled host may know of them."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from proofkeep import events
from proofkeep.errors import REFUSED, ObjectMissingError
from proofkeep.format import names, record
from proofkeep.format.names import SnapshotId
from proofkeep.format.pack_set import Row
from proofkeep.format.record import Facts, LedgerHead
from proofkeep.lookahead import parallel_map
from proofkeep.model import Finding, ObjectStat
from proofkeep.ports import Progress
from proofkeep.progress import silent
from proofkeep.repository import Repository
from proofkeep.repository.local_rows import index_key
from proofkeep.repository.stored import fetch
from proofkeep.snapshots.order import in_order

_ASKING = 2
OnPacks = Callable[[SnapshotId, list[Row]], None]


@dataclass(frozen=True, slots=True)
class SnapshotFacts:
    """A record's `Facts` but for its packs, half a megabyte at 100 TiB, and what its id says."""

    complete: bool
    expires_at: int | None
    id_epoch: int
    ledger: LedgerHead
    source_at: int
    totals: dict[str, int]
    withdraws: list[tuple[bytes, int]]


@dataclass(frozen=True, slots=True)
class CommittedSnapshot:
    """One record: its facts, and its roots still sealed under a data key. `read_packs` has its packs."""

    id: SnapshotId
    facts: SnapshotFacts
    sealed_roots: bytes = field(repr=False)


def list_snapshots(
    repository: Repository,
    entry: bytes | None = None,
    on_packs: OnPacks = lambda _snapshot, _packs: None,
    progress: Progress = silent,
) -> tuple[list[CommittedSnapshot], list[Finding]]:
    """Snapshots (of one entry) as they were taken, without withdrawn ones; a finding for each damaged record.

    Args:
        on_packs: is shown the packs of one record after the other, of withdrawn ones too; nothing else holds them.

    Raises:
        StoreError, TransportError: records, or what tells their order (`in_order`), cannot be read.
    """
    prefix = names.SNAPSHOTS if entry is None else f"{names.SNAPSHOTS}{entry.hex()}/"
    found: list[CommittedSnapshot] = []
    findings: list[Finding] = []
    listed = repository.store.list(prefix)
    for each in parallel_map(partial(_opened, repository), listed, workers=_ASKING, depth=2 * _ASKING):
        if isinstance(each, Finding):
            events.emit("record-refused", outcome="failure", object=each.subject, code=each.code)
            findings.append(each)
        else:
            snapshot, facts = each
            on_packs(snapshot.id, facts.packs)
            found.append(snapshot)
            progress("list", snapshots=len(found))
    withdrawn = {
        (snapshot.id.entry, snapshot.id.writer, run, generation)
        for snapshot in found
        for run, generation in snapshot.facts.withdraws
    }
    kept = [
        snapshot
        for snapshot in found
        if (snapshot.id.entry, snapshot.id.writer, snapshot.id.run, snapshot.id.generation) not in withdrawn
    ]
    return in_order(repository, kept), findings


def read_packs(repository: Repository, snapshot: SnapshotId) -> list[Row]:
    """The packs that a snapshot refers to, from its record read once more.

    Raises:
        IntegrityError, StoreError, TransportError: of the kind met.
    """
    return read_record(repository, snapshot).packs


def read_record(repository: Repository, snapshot: SnapshotId) -> Facts:
    """What one record says. Raises as `read_packs`."""
    return _open(repository, snapshot.name)[1]


def _opened(repository: Repository, stat: ObjectStat) -> tuple[CommittedSnapshot, Facts] | Finding:
    """One record; what is wrong with it where it does not hold."""
    try:
        return _open(repository, stat.name)
    except (*REFUSED, ObjectMissingError) as error:
        return Finding(error.code, stat.name, str(error))


def _open(repository: Repository, name: str) -> tuple[CommittedSnapshot, Facts]:
    data = fetch(repository.store, name)
    snapshot = names.parse_snapshot(name)
    sealed, roots = record.split_record(data, f"snapshot {snapshot.short}")
    key = index_key(repository, sealed, f"snapshot {snapshot.short}")
    facts = record.open_facts(key, repository.id, snapshot, data)
    told = SnapshotFacts(
        facts.complete,
        facts.expires_at,
        facts.id_epoch,
        facts.ledger,
        facts.source_at,
        facts.totals,
        facts.withdraws,
    )
    return CommittedSnapshot(snapshot, told, roots), facts
