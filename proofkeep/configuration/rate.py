"""Rates of transfer as an operator writes them: `20 MiB/s`."""

import re

from proofkeep.errors import UsageError

LEAST = 64 << 10  # bytes a second; below, a store takes a line on which several packs creep for a dead one
PATTERN = r"^([1-9][0-9]{0,5}(?:\.[0-9]{1,3})?) ?([KMG])iB/s$"

_BYTES = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30}


def parse_rate(spelled: str) -> int:
    """Bytes a second.

    Raises:
        UsageError: it is no rate, or one under 64 KiB/s.
    """
    found = re.fullmatch(PATTERN, spelled)
    if found is None:
        raise UsageError(f"rate {spelled!r} is no rate such as 20 MiB/s or 512 KiB/s")
    rate = int(float(found[1]) * _BYTES[found[2]])
    if rate < LEAST:
        raise UsageError(f"rate {spelled!r} is under 64 KiB/s")
    return rate
