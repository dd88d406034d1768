"""How fast a step goes and how long it will still take, from the counts that it tells."""

import time
from collections import deque
from collections.abc import Callable, Mapping

from proofkeep.configuration.duration import spell_duration
from proofkeep.progress import in_units

_WINDOW_SECONDS = 30.0
_EVERY_SECONDS = 1.0
_FILE_BYTES = 24 << 10
"""What a file costs a walk besides its bytes, in bytes: 0.2 ms at the rate of a first backup."""
_LONGEST_SECONDS = 100 * 86_400  # a step that crawls tells nothing about its end


class Pace:
    """Bytes a second over the last half minute, and from that the time left. Called from one thread at a time.

    Counts know their end by `total_bytes` and `total_files` together, or else by the first total that is there.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._seen: deque[tuple[float, int, float | None]] = deque()

    def note(self, counts: Mapping[str, int]) -> None:
        """These are the step's counts now."""
        now = self._clock()
        if len(self._seen) > 1 and now - self._seen[-2][0] < _EVERY_SECONDS:
            self._seen.pop()
        self._seen.append((now, counts.get("bytes", 0), share_of(counts)))
        while len(self._seen) > 2 and now - self._seen[1][0] >= _WINDOW_SECONDS:  # noqa: PLR2004 - a span has two ends
            self._seen.popleft()

    @property
    def rate(self) -> float | None:
        """Bytes a second; None while nothing is known of it."""
        return self._slope(1)

    @property
    def seconds_left(self) -> float | None:
        """None where the end is not known, or nothing moves."""
        speed = self._slope(2)
        share = self._seen[-1][2] if self._seen else None
        return None if not speed or share is None else (1.0 - share) / speed

    def words(self) -> str:
        """For a person: `12.3 MiB/s, 4m10s left`; empty where nothing is known."""
        left = self.seconds_left
        parts = [f"{in_units(int(self.rate))}/s"] if self.rate else []
        if left is not None and 1 <= left < _LONGEST_SECONDS:
            parts.append(f"{spell_duration(round(left))} left")
        return ", ".join(parts)

    def _slope(self, field: int) -> float | None:
        known = [(each[0], value) for each in self._seen if (value := each[field]) is not None]
        if not known:
            return None
        (began, before), (now, after) = known[0], known[-1]
        return None if now - began < _EVERY_SECONDS else (after - before) / (now - began)


def share_of(counts: Mapping[str, int]) -> float | None:
    """How much of a step is done, 0 to 1; None where its end is not known."""
    files, size = counts.get("total_files"), counts.get("total_bytes")
    if files and size:
        done = counts.get("bytes", 0) + _FILE_BYTES * counts.get("files", 0)
        return min(done / (size + _FILE_BYTES * files), 1.0)
    for unit in ("bytes", "files", "objects", "packs"):
        if total := counts.get(f"total_{unit}"):
            return min(counts.get(unit, 0) / total, 1.0)
    return None
