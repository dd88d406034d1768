"""The host's local memory of a repository: which chunk lies in which pack, and what files were like. Rebuildable.

No names and no plaintext: files are keyed by path id, stat fields by a keyed fingerprint, frame tables are sealed under
the index key.
"""

from proofkeep.catalog.database import Catalog
from proofkeep.catalog.refresh import refresh
from proofkeep.catalog.rows import FileState, KnownPack, SegmentState

__all__ = ["Catalog", "FileState", "KnownPack", "SegmentState", "refresh"]
