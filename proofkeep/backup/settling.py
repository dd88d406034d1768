"""Makes sealed packs durable behind the stream: while a disk syncs one, the next is sealed."""

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context

from proofkeep.backup.items import PackDraft
from proofkeep.spool import OpenPack

_DEPTH = 8


class Settling:
    """Finishes packs one after the other in a thread of its own, at most eight behind; for one caller.

    Args:
        finish: makes one pack durable and journals it.

    Attributes:
        failure: what finishing one raised; no later one is begun.
    """

    def __init__(self, finish: Callable[[PackDraft, OpenPack], None]) -> None:
        self.failure: BaseException | None = None
        self._finish = finish
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="settling")
        self._pending: deque[tuple[Future[None], OpenPack]] = deque()

    def add(self, draft: PackDraft, pack: OpenPack) -> None:
        """Take over a pack. Raises what finishing an earlier one raised."""
        while len(self._pending) >= _DEPTH or (self._pending and self._pending[0][0].done()):
            self._settle_first()
        self._pending.append((self._pool.submit(copy_context().run, self._run, draft, pack), pack))

    def wait(self) -> None:
        """Until all are durable. Raises what finishing one raised."""
        while self._pending:
            self._settle_first()

    def close(self) -> None:
        """Finish all that can be: whatever ended the stream, what is sealed need not be sealed again."""
        self._pool.shutdown()
        for _, pack in self._pending:
            pack.discard()

    def _run(self, draft: PackDraft, pack: OpenPack) -> None:
        if self.failure is not None:
            return
        try:
            self._finish(draft, pack)
        except BaseException as error:
            self.failure = error
            raise

    def _settle_first(self) -> None:
        future, pack = self._pending[0]
        try:
            future.result()
        finally:
            self._pending.popleft()
            pack.discard()
