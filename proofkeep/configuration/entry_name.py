"""What an inventory entry may be called: its snapshots carry the name for ever, and tables, tags and forms show it."""

import re

from proofkeep.errors import UsageError

PATTERN = r"^[a-z0-9]+(-[a-z0-9]+)*$"
LONGEST = 100
IN_WORDS = "small letters and digits, with single hyphens between them"


def is_entry_name(text: str) -> bool:
    """Whether an entry may be backed up under it."""
    return len(text) <= LONGEST and re.fullmatch(PATTERN, text) is not None


def entry_to_back_up(text: str | None) -> str:
    """The same. Raises `UsageError` where there is none, or no entry may be backed up under it."""
    if not text:
        raise UsageError("entry is missing, a backup belongs to an inventory entry")
    if not is_entry_name(text):
        raise UsageError(f"entry {text!r} is no entry's name: {IN_WORDS}, {LONGEST} characters at most")
    return text
