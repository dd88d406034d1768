"""How many files and bytes a walk will come to, for whoever looks at its progress."""

import time
from collections.abc import Callable, Generator

from proofkeep.ports import UNKNOWN, Counts

COUNT_AFTER_SECONDS = 5.0
"""A walk that is over by then is not worth a count."""


class Expected:
    """What the entry's last snapshot held; where that is not known, what is counted while the walk goes on."""

    def __init__(
        self,
        known: Counts,
        count: Callable[[], Generator[Counts, None, None]] | None,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`count` is begun when it is needed and the walk takes time; None where nobody looks."""
        self._counts = known
        self._count = count
        self._counting: Generator[Counts, None, None] | None = None
        self._clock = clock
        self._count_at = clock() + COUNT_AFTER_SECONDS

    def totals(self) -> dict[str, int]:
        """`total_files` and `total_bytes`, both zero while they are not known."""
        if self._counts == UNKNOWN and self._count is not None and self._clock() >= self._count_at:
            self._counting = self._counting or self._count()
            self._counts = next(self._counting, UNKNOWN)
        return dict(zip(("total_files", "total_bytes"), self._counts, strict=True))

    def close(self) -> None:
        """Stop counting."""
        if self._counting is not None:
            self._counting.close()
