"""Reading what was committed: records, data keys, chunks, manifests. Beyond facts it needs the restore role."""

from proofkeep.snapshots.choosing import damaged_records, find_snapshot
from proofkeep.snapshots.chunks import ChunkStore
from proofkeep.snapshots.data_keys import DataKeys
from proofkeep.snapshots.records import CommittedSnapshot, list_snapshots, read_packs
from proofkeep.snapshots.selection import EVERYTHING, Selection, by_id, by_path
from proofkeep.snapshots.walk import walk_manifest

__all__ = [
    "EVERYTHING",
    "ChunkStore",
    "CommittedSnapshot",
    "DataKeys",
    "Selection",
    "by_id",
    "by_path",
    "damaged_records",
    "find_snapshot",
    "list_snapshots",
    "read_packs",
    "walk_manifest",
]
