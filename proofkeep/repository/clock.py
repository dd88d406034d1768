"""This host's clock against the store's, the key service's and the ledger's."""

from collections.abc import Mapping

from proofkeep.errors import ClockError
from proofkeep.model import Clock

TOLERANCE_NS = 3600 * 10**9
_HOUR_NS = 3600 * 10**9


def check_clock(clocks: Mapping[str, Clock | None], *, now_ns: int, newest_ledger_ns: int | None) -> bool:
    """Compare with whoever stated a time; False when nobody did, so that the result can say so.

    Args:
        clocks: by whose they are, in words.

    Raises:
        ClockError: another machine's clock differs by more than an hour, or the ledger is from the future.
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
    if newest_ledger_ns is not None:
        checked = True
        if newest_ledger_ns - now_ns > TOLERANCE_NS:
            ahead = (newest_ledger_ns - now_ns) / _HOUR_NS
            raise ClockError(f"newest ledger entry is {ahead:.1f} hours ahead of this host's clock")
    return checked
