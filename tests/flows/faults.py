"""Where a fault is planted in each streaming stage: the engine's own step, not the task around it."""

from typing import Any

from proofkeep.backup import compress as compressing
from proofkeep.backup import encrypt as encrypting
from proofkeep.backup.snapshot import Walk
from proofkeep.spool import OpenPack

STEPS: dict[str, tuple[Any, str]] = {
    "snapshot": (Walk, "_read_once"),
    "compress": (compressing, "compress_slab"),
    "encrypt": (encrypting, "seal_frame"),
    "checksum": (OpenPack, "append"),
}
