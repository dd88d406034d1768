"""The verb `restore`: a snapshot, whole or by path, into a directory that is named only when it is verified."""

from proofkeep.restore.report import RestoreReport
from proofkeep.restore.run import restore

__all__ = ["RestoreReport", "restore"]
