"""What a run has sealed, sent and proven: fsynced before the step that relies on it, replayed exactly on retry."""

from proofkeep.journal.database import JOURNAL, MOST_PACKS, Journal
from proofkeep.journal.noted import FileNote, Noted, SegmentNote
from proofkeep.journal.rows import JournalObject, JournalPack, Sent, Transfer, TransferCounts, Verified

__all__ = [
    "JOURNAL",
    "MOST_PACKS",
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
