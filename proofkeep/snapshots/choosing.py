"""Which committed snapshot is meant by what a person says."""

from collections.abc import Iterable
from contextlib import suppress

from proofkeep.errors import IntegrityError, MalformedError, SnapshotMissingError, UsageError
from proofkeep.format import names
from proofkeep.model import Finding
from proofkeep.ports import Progress
from proofkeep.progress import silent
from proofkeep.repository import Repository
from proofkeep.snapshots.records import CommittedSnapshot, list_snapshots

LATEST = "latest"
FEWEST_DIGITS = 4


def find_snapshot(
    repository: Repository, spelled: str, *, entry: str | None = None, progress: Progress = silent
) -> CommittedSnapshot:
    """The snapshot `<run>.<generation>`, the newest generation of a run, or `latest`.

    Args:
        spelled: of an id its first digits are enough, if they belong to one run only.
        entry: name of the one whose latest is meant; None where the repository has one entry.

    Raises:
        SnapshotMissingError: nothing committed has that id, or is of that entry.
        UsageError: several runs, or the latest of several entries, could be meant.
        IntegrityError: its record is damaged, or one that may be the latest.
    """
    if spelled == LATEST:
        identity = None if entry is None else repository.keys.entry_id(entry)
        return _latest(*list_snapshots(repository, identity, progress=progress), entry)
    if len(spelled) < FEWEST_DIGITS:
        raise UsageError(f"snapshot {spelled!r} is not `latest`, and for an id has less than {FEWEST_DIGITS} digits")
    snapshots, findings = list_snapshots(repository, progress=progress)
    matches = [snapshot for snapshot in snapshots if snapshot.id.short.startswith(spelled)]
    damaged = [name for name in damaged_records(findings) if name.startswith(spelled)]
    runs = {short.partition(".")[0] for short in (*damaged, *(snapshot.id.short for snapshot in matches))}
    if len(runs) > 1:
        raise UsageError(f"snapshot {spelled!r} could be of any of {len(runs)} runs")
    if matches:
        return matches[-1]
    if damaged:
        raise IntegrityError(f"record of snapshot {damaged[-1]} is damaged")
    raise SnapshotMissingError(f"snapshot {spelled!r} is not committed in this repository")


def _latest(snapshots: list[CommittedSnapshot], findings: list[Finding], entry: str | None) -> CommittedSnapshot:
    damaged = list(damaged_records(findings))
    if damaged:
        raise IntegrityError(f"record of snapshot {damaged[0]} is damaged, nobody knows which is the latest")
    if not snapshots:
        of_entry = "" if entry is None else f" of entry {entry!r}"
        raise SnapshotMissingError(f"no snapshot{of_entry} is committed in this repository")
    entries = {snapshot.id.entry for snapshot in snapshots}
    if len(entries) > 1:
        raise UsageError(f"repository holds {len(entries)} entries; say whose latest snapshot is meant, or its id")
    return snapshots[-1]


def damaged_records(findings: Iterable[Finding]) -> dict[str, str]:
    """Codes of snapshots whose records do not open; what has no record's name is none, and anybody can put it there."""
    found = {}
    for finding in findings:
        with suppress(MalformedError):
            found[names.parse_snapshot(finding.subject).short] = finding.code
    return found
