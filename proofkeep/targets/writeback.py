"""Bringing a growing tree to disk while it grows, so that little is left to wait for at its end."""

import threading
from concurrent.futures import Future, ThreadPoolExecutor

from proofkeep.syncing import syncfs

EVERY = 64 << 20


class Writeback:
    """Syncs the filesystem of an open directory, now and then beside the writers and once at the end, or never.

    Safe in several threads. An error of the disk is told once to one `syncfs`: it is kept for `finish`.
    """

    def __init__(self, directory: int, *, every: int = EVERY, wanted: bool = True) -> None:
        """`directory` stays the caller's, and open until `close`; `every` counts bytes; unwanted, it does nothing."""
        self.wanted = wanted
        self._directory = directory
        self._every = every
        self._written = 0
        self._under_way: Future[None] | None = None
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="writeback")

    def wrote(self, count: int) -> None:
        """Begin a sync where enough was written since the last one began, and none is under way or has failed."""
        if not self.wanted:
            return
        with self._lock:
            self._written += count
            before = self._under_way
            if self._written < self._every or (before and (not before.done() or before.exception())):
                return
            self._written = 0
            self._under_way = self._pool.submit(syncfs, self._directory)

    def finish(self) -> None:
        """Bring everything to disk. Raises `OSError`, also what a sync before met."""
        if self._under_way is not None:
            self._under_way.result()
        if self.wanted:
            syncfs(self._directory)

    def close(self) -> None:
        """Wait for a sync that is under way."""
        self._pool.shutdown()
