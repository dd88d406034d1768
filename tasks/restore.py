"""Restoring a snapshot as a Prefect task."""

from collections.abc import Sequence
from dataclasses import asdict

from prefect import task

from proofkeep.damage import OnFound
from proofkeep.model import Finding
from proofkeep.ports import Cancelled, Progress
from proofkeep.repository import Repository
from proofkeep.restore import restore
from proofkeep.restore.files import Target
from proofkeep.snapshots import ChunkStore, CommittedSnapshot, DataKeys, Selection
from tasks.boundary import only_our_errors
from tasks.kinds import REPEATABLE, Receipt
from tasks.verify import without_names


class Restoration:
    """What the task works on; no dataclass, since Prefect walks into those and a repository holds keys."""

    def __init__(
        self,
        repository: Repository,
        chunks: ChunkStore,
        data_keys: DataKeys,
        snapshot: CommittedSnapshot,
        target: Target,
        selection: Selection,
        *,
        damage: Sequence[Finding],
        on_found: OnFound,
        cancelled: Cancelled,
        progress: Progress,
    ) -> None:
        self.repository = repository
        self.chunks = chunks
        self.data_keys = data_keys
        self.snapshot = snapshot
        self.target = target
        self.selection = selection
        self.damage = damage
        self.on_found = on_found
        self.cancelled = cancelled
        self.progress = progress


@task(name="restore_snapshot", **REPEATABLE)
def restore_snapshot(restoration: Restoration) -> Receipt:
    """Restore what is selected into the target, which is named only when all of it is verified."""
    with only_our_errors("restore_snapshot"):
        report = restore(
            restoration.repository,
            restoration.chunks,
            restoration.data_keys,
            restoration.snapshot,
            restoration.target,
            selection=restoration.selection,
            damage=restoration.damage,
            on_found=restoration.on_found,
            cancelled=restoration.cancelled,
            progress=restoration.progress,
        )
        return asdict(report) | {"intact": report.intact, "findings": without_names(report.findings)}
