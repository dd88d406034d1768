"""What a run has sealed, sent and proven: fsynced before the step that relies on it, replayed exactly on retry."""

from proofkeep.journal.database import JOURNAL, Journal
from proofkeep.journal.noted import FileNote, Noted, SegmentNote
from proofkeep.journal.rows import JournalObject, JournalPack, Sent, Transfer, TransferCounts, Verified

__all__ = [
    "JOURNAL",
    "FileNote",
    "Journal",
    "JournalObject",
    "JournalPack",
    "Noted",
    "SegmentNote",
    "Sent",
    "Transfer",
    "TransferCounts",
    "Verified",
]
