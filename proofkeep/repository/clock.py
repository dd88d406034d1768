"""This host's clock against the store's and the key service's, and against what the ledger says of the time."""

from collections.abc import Collection, Mapping

from proofkeep.errors import ClockError
from proofkeep.format.ledger_entry import LedgerEntry
from proofkeep.model import Clock

TOLERANCE_NS = 3600 * 10**9
_HOUR_NS = 3600 * 10**9
_NOT_SEEN = (-1, b"")


def check_clock(clocks: Mapping[str, Clock | None]) -> bool:
    """Compare with whoever stated a time; False when nobody did, so that the result can say so.

    Args:
        clocks: by whose they are, in words.

    Raises:
        ClockError: another machine's clock differs by more than an hour.
    """
    checked = False
    for whose, clock in clocks.items():
        if clock is None:
            continue
        checked = True
        difference = clock.local_ns - clock.remote_ns
        if abs(difference) > TOLERANCE_NS:
            raise ClockError(
                f"clock of this host differs by {difference / _HOUR_NS:+.1f} hours from that of the {whose}"
            )
    return checked


def clock_skew(clocks: Mapping[str, Clock | None]) -> ClockError | None:
    """What `check_clock` refuses, for who only tells of it."""
    try:
        check_clock(clocks)
    except ClockError as error:
        return error
    return None


def hours_ahead(newest: Collection[LedgerEntry], *, now_ns: int) -> dict[bytes, float]:
    """Hours by which the newest entries of writers are ahead of this host's clock, where it is more than one.

    Not of one that another newest entry names, itself not ahead: it was written later, and who wrote it had met the
    entry from the future, under a clock that a service or a person confirmed.
    """
    limit = now_ns + TOLERANCE_NS
    seen = [entry.heads for entry in newest if entry.at_ns <= limit]
    return {
        entry.writer: (entry.at_ns - now_ns) / _HOUR_NS
        for entry in newest
        if entry.at_ns > limit and all(heads.get(entry.writer, _NOT_SEEN)[0] < entry.sequence for heads in seen)
    }
