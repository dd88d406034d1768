"""Snapshot records against the ledger: every pack they refer to vouched for and sound, no ledger behind them."""

from collections.abc import Collection, Mapping
from dataclasses import replace

from proofkeep.errors import (
    KeyMissingError,
    LedgerMismatchError,
    MalformedError,
    PackMissingError,
    PackRetiredError,
    RollbackError,
)
from proofkeep.format import header
from proofkeep.format.names import KEYS, PackId, SnapshotId, folder, recipient_id, wrapped_keys
from proofkeep.format.pack_set import Row, decode_packs, encode_packs, packs_beyond
from proofkeep.repository import Repository
from proofkeep.snapshots import CommittedSnapshot, list_snapshots
from proofkeep.verify.expected import Expected
from proofkeep.verify.report import VerificationReport


def verify_records(
    repository: Repository,
    expected: Expected,
    retired: set[PackId],
    report: VerificationReport,
    names: Mapping[bytes, str],
) -> list[CommittedSnapshot]:
    """Hold every committed snapshot against the ledger; the snapshots that were read.

    Args:
        names: of inventory entries, by their keyed ids, as far as somebody knows them.
    """
    sound = encode_packs(expected.sound_packs())
    wrong: dict[SnapshotId, tuple[int, int, int]] = {}
    lost = _lost_keys(repository, expected, report)
    keyless: set[SnapshotId] = set()

    def look(snapshot: SnapshotId, packs: list[Row]) -> None:
        if any(wrapped_keys(writer, key) in lost for writer, key, _ in packs):
            keyless.add(snapshot)
        missing, unnamed = 0, 0
        for pack in packs_beyond(packs, sound):
            named = expected.find(pack.name) is not None
            missing, unnamed = missing + named, unnamed + (not named)
        gone = sum(pack in retired for pack in decode_packs(packs)) if retired else 0
        wrong[snapshot] = missing, unnamed, gone

    snapshots, findings = list_snapshots(repository, on_packs=look)
    report.findings.extend(findings)
    report.snapshots = len(snapshots)
    for snapshot in snapshots:
        subject = f"snapshot {snapshot.id.short}"
        _hold_against_ledger(snapshot, expected, report)
        missing, unnamed, gone = wrong[snapshot.id]
        entry = names.get(snapshot.id.entry, snapshot.id.entry.hex())
        of = f"its packs, entry {entry},"
        if lacks_key := snapshot.id in keyless or _roots_key(snapshot) in lost:
            told = f"every wrapped form of one of its data keys, entry {entry}, is missing or damaged"
            report.find(KeyMissingError.code, subject, told)
        if (missing or lacks_key) and entry not in report.affected:
            report.affected.append(entry)
        if unnamed:
            report.find(LedgerMismatchError.code, subject, f"{unnamed} of {of} are in no ledger entry")
        if missing:
            report.find(PackMissingError.code, subject, f"{missing} of {of} are missing or damaged")
        if gone:
            report.find(PackRetiredError.code, subject, f"{gone} of {of} are retired and will be deleted")
    return snapshots


def _hold_against_ledger(snapshot: CommittedSnapshot, expected: Expected, report: VerificationReport) -> None:
    head = snapshot.facts.ledger
    if not expected.holds_entry(head.writer, head.sequence, head.sha256):
        told = f"the ledger lacks entry {head.sequence} that its record refers to"
        report.find(RollbackError.code, f"snapshot {snapshot.id.short}", told)


def _lost_keys(repository: Repository, expected: Expected, report: VerificationReport) -> Collection[str]:
    """Where the data keys lie that nothing opens any more; of a form beside which others hold, its finding says so."""
    recipients = {recipient_id(uri).hex(): uri for uri in repository.descriptor.recipients}
    lost = set()
    for number, finding in enumerate(report.findings):
        if not finding.subject.startswith(KEYS) or finding.code == LedgerMismatchError.code:
            continue
        if not expected.holds_sound(place := folder(finding.subject)):
            lost.add(place)
            continue
        identity = finding.subject.removeprefix(place).partition(".")[0]
        whose = recipients.get(identity, f"recipient {identity}")
        told = f"it wraps a data key for {whose}, and what lies under that key opens with its other forms only"
        report.findings[number] = replace(finding, detail=f"{finding.detail}; {told}")
    return lost


def _roots_key(snapshot: CommittedSnapshot) -> str:
    """The same of the key that a record's roots are sealed under; nothing where they name none."""
    try:
        head = header.decode(snapshot.sealed_roots, f"roots of snapshot {snapshot.id.short}")
    except MalformedError:
        return ""
    return wrapped_keys(snapshot.id.writer, head.key_id)
