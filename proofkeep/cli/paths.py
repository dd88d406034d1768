"""Paths in a snapshot, as a person spells them."""

import os

from proofkeep.errors import UsageError


def in_snapshot(spelled: str) -> bytes:
    """Relative to the source's root: `/a/` and `./a` are `a`, and `.` the root itself.

    Raises:
        UsageError: it is empty (an unset variable must not mean everything), or leads upwards.
    """
    path = os.fsencode(spelled)
    parts = [part for part in path.split(b"/") if part not in {b"", b"."}]
    if not path or b".." in parts:
        raise UsageError("a path in a snapshot is relative to the source's root, such as `folder/file` or `.`")
    return b"/".join(parts)
