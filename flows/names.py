"""Names of objects on cards: Prefect's UI breaks no word, and a pack's name is wider than its column."""

import re

_WIDE = re.compile(r"(?=[\w./:-]{49})[\w./-]+(?::[\w./-]+)*")  # a ledger's head has colons within
_ID = re.compile(r"\b([0-9a-f]{8})[0-9a-f]{24,}\b")
_SHORT = r"\1..."


def shortened(text: str) -> str:
    """The same, where each id within a wide name is its first 8 digits."""
    return _WIDE.sub(lambda name: _ID.sub(_SHORT, name[0]), text)


def in_full(*texts: str) -> str:
    """The names that `shortened` changes, to be copied: a block that scrolls; empty where there are none."""
    names = dict.fromkeys(name for text in texts for name in _WIDE.findall(text) if _ID.search(name))
    return "\n".join(["", "```text", *names, "```", ""]) if names else ""
