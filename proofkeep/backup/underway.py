"""How much of what is sealed was sent, proven and committed: running totals, and the end of a put on cancel."""

import threading
import time
from collections.abc import Callable, Iterable
from math import ceil

from proofkeep.errors import CancelledError
from proofkeep.journal import JournalPack
from proofkeep.ports import Cancelled, Progress, Watch

WAITS = "waits for another commit of this host"
"""The step in which a run's turn has not come yet."""

SENT_ELSEWHERE = "waits for another process that sends for this entry"
"""The step in which a run could do with packs that another process still sends."""

_EVERY_SECONDS = 0.2
_EVERY_KEYS = 100


class Underway:
    """Told by the sink what is sealed and by senders what they send; tells `progress`. Called from any thread.

    What an earlier attempt of the run sent and proved counts as sealed, sent and proven.
    """

    def __init__(
        self, progress: Progress, cancelled: Cancelled, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._progress = progress
        self._cancelled = cancelled
        self._clock = clock
        self._lock = threading.Lock()
        self._sealed = 0
        self._sent = 0
        self._proven = 0
        self._travelling: dict[int, int] = {}
        self._told_at = clock()
        self._confirmed: dict[str, int] = {}
        self._placed = 0

    def begin(self, packs: Iterable[JournalPack]) -> None:
        """These are in the journal already."""
        for pack in packs:
            self._sealed += pack.size
            self._sent += pack.size if pack.sent is not None else 0
            self._proven += pack.size if pack.verified is not None else 0

    def sealed(self, size: int) -> None:
        """A pack of `size` bytes lies in the spool."""
        with self._lock:
            self._sealed += size

    def watch(self, pack: JournalPack) -> Watch:
        """Look on while a pack is sent; raises `CancelledError` where the run was cancelled."""

        def watch(sent: int) -> None:
            self.glance()
            with self._lock:
                self._travelling[pack.number] = sent
            if self._is_time():
                self._tell_sent()

        return watch

    def glance(self) -> None:
        """Raise `CancelledError` where the run was cancelled."""
        if self._cancelled():
            raise CancelledError("run was cancelled while it sent")

    def confirmed(self, packs: int, of: int) -> None:
        """The commit saw so many packs in the store. Raises `CancelledError` where the run was cancelled."""
        self.glance()
        self._confirmed = {"packs": packs, "total_packs": of}
        self._progress("commit", **self._confirmed, bytes=self._placed)

    def confirmed_keys(self, keys: int, of: int) -> None:
        """The commit read a form of so many data keys. Raises `CancelledError` where the run was cancelled."""
        self.glance()
        if keys and keys % _EVERY_KEYS == 0:
            self._progress("commit", **self._confirmed, keys=keys, total_keys=of, bytes=self._placed)

    def waits(self, seconds: float, step: str = WAITS) -> None:
        """The run waits, for its turn or as `step` says, so long by now.

        Raises:
            CancelledError: the run was cancelled.
        """
        self.glance()
        if self._is_time():
            self._progress(step, seconds=ceil(seconds))

    def placing(self, sent: int) -> None:
        """Look on while the commit sends an object, as with `watch`."""
        self.glance()
        if self._is_time():
            self._progress("commit", **self._confirmed, bytes=self._placed + sent)

    def placed(self, size: int) -> None:
        """An object of the commit has arrived."""
        self._placed += size
        self._progress("commit", **self._confirmed, bytes=self._placed)

    def sent(self, pack: JournalPack) -> None:
        """A pack has arrived."""
        with self._lock:
            self._travelling.pop(pack.number, None)
            self._sent += pack.size
        self._tell_sent()

    def stopped(self, pack: JournalPack) -> None:
        """A pack has not arrived, and what was sent of it counts for nothing."""
        with self._lock:
            self._travelling.pop(pack.number, None)

    def proven(self, pack: JournalPack) -> None:
        """The store was shown to hold a pack."""
        with self._lock:
            self._proven += pack.size
            proven, sealed = self._proven, self._sealed
        self._progress("verify", bytes=proven, total_bytes=sealed)

    def _is_time(self) -> bool:
        """Whether to tell again what changes all the time."""
        now = self._clock()
        if now - self._told_at < _EVERY_SECONDS:
            return False
        self._told_at = now
        return True

    def _tell_sent(self) -> None:
        with self._lock:
            sent, sealed = self._sent + sum(self._travelling.values()), self._sealed
        self._progress("upload", bytes=sent, total_bytes=sealed)
