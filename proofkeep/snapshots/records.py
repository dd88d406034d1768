"""Committed snapshots: what every enrolled host may know of them."""

from dataclasses import dataclass, field

from proofkeep import events
from proofkeep.errors import REFUSED, ObjectMissingError
from proofkeep.format import names, record
from proofkeep.format.names import SnapshotId
from proofkeep.format.record import Facts
from proofkeep.model import Finding
from proofkeep.repository import Repository
from proofkeep.repository.local_rows import index_key
from proofkeep.repository.stored import fetch


@dataclass(frozen=True, slots=True)
class CommittedSnapshot:
    """One record: its facts, and its roots still sealed under a data key."""

    id: SnapshotId
    facts: Facts
    sealed_roots: bytes = field(repr=False)


def list_snapshots(repository: Repository, entry: bytes | None = None) -> tuple[list[CommittedSnapshot], list[Finding]]:
    """Snapshots (of one entry) by source instant, without withdrawn ones; a finding for each damaged record."""
    prefix = names.SNAPSHOTS if entry is None else f"{names.SNAPSHOTS}{entry.hex()}/"
    found: list[CommittedSnapshot] = []
    findings: list[Finding] = []
    for stat in repository.store.list(prefix):
        try:
            found.append(_open(repository, stat.name))
        except (*REFUSED, ObjectMissingError) as error:
            events.emit("record-refused", outcome="failure", object=stat.name, code=error.code)
            findings.append(Finding(error.code, stat.name, str(error)))
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
    return sorted(kept, key=lambda snapshot: (snapshot.facts.source_at, snapshot.id)), findings


def _open(repository: Repository, name: str) -> CommittedSnapshot:
    data = fetch(repository.store, name)
    snapshot = names.parse_snapshot(name)
    sealed, roots = record.split_record(data, f"snapshot {snapshot.short}")
    key = index_key(repository, sealed, f"snapshot {snapshot.short}")
    return CommittedSnapshot(snapshot, record.open_facts(key, repository.id, snapshot, data), roots)
