"""The verb `backup`: snapshot, compress, encrypt, checksum, then upload, verify and commit.

`Backup` holds what the stages share; `drive` composes them for the CLI, and Prefect's tasks for flows.
"""

from proofkeep.backup.drive import drive
from proofkeep.backup.options import Identity, Options
from proofkeep.backup.run import Backup

__all__ = ["Backup", "Identity", "Options", "drive"]
