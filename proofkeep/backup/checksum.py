"""Stage 4, checksum: append sealed bytes to the spool, hash them on the way, journal each finished pack."""

import threading
from collections.abc import Callable, Iterator

from proofkeep import events
from proofkeep.backup.items import EndOfStream, PackDraft, Sealed, Stopped, upstream
from proofkeep.backup.settling import Settling
from proofkeep.backup.underway import Underway
from proofkeep.errors import SpoolFullError, StreamEndedEarlyError
from proofkeep.format.names import PackId
from proofkeep.journal import Journal, Transfer
from proofkeep.repository import Repository
from proofkeep.repository.local_rows import seal_row
from proofkeep.spool import OpenPack, Spool

OnTransfer = Callable[[Transfer], None]
Stuck = Callable[[], BaseException | None]
"""Why nothing leaves the spool any more; None while something may."""


class ChecksumSink:
    """Drains the chain: the only stage that writes to this host's disk."""

    def __init__(
        self,
        repository: Repository,
        journal: Journal,
        spool: Spool,
        on_transfer: OnTransfer,
        stuck: Stuck,
        underway: Underway,
    ) -> None:
        self._repository = repository
        self._journal = journal
        self._spool = spool
        self._on_transfer = on_transfer
        self._stuck = stuck
        self._underway = underway
        self._open: dict[PackId, OpenPack] = {}
        self._settling = Settling(self._finish_pack)
        self._chunks = 0
        self._unclosed = 0
        self._journaled = 0
        self._counting = threading.Lock()

    def drain(self, items: Iterator[list[Sealed] | EndOfStream | Stopped]) -> EndOfStream | Stopped:
        """Take everything; the end-of-stream record once all packs are durable, or what stopped the stream.

        Raises:
            SpoolFullError: no room, and nothing leaves the spool. `StateFullError`: its disk is full.
            StreamEndedEarlyError: counts of the stages disagree, or a pack was left open.
        """
        try:
            for item in upstream(items):
                if isinstance(item, EndOfStream):
                    return self._finish(item)
                if isinstance(item, Stopped):
                    return item
                for sealed in item:
                    self._append(sealed)
        finally:
            self._settling.close()
            for open_pack in self._open.values():
                open_pack.discard()
        raise StreamEndedEarlyError("stream ended without its end-of-stream record")

    def _append(self, sealed: Sealed) -> None:
        draft = sealed.pack
        size = sum(map(len, sealed.frames)) + len(sealed.end or b"")
        if draft.id not in self._open:
            size += len(draft.header)
        self._reserve(size)
        if draft.id not in self._open:
            self._open[draft.id] = OpenPack(self._spool, draft.id)
            self._open[draft.id].append(draft.header)
        target = self._open[draft.id]
        for frame in sealed.frames:
            target.append(frame)
        if sealed.end is not None:
            target.append(sealed.end)
            self._chunks += draft.table.chunk_count
            with self._counting:
                self._unclosed += target.size
            self._settling.add(draft, target)
            del self._open[draft.id]  # until it is taken over, an error finds it here and closes it

    def _reserve(self, size: int) -> None:
        """Wait for room; what no transfer holds yet can never leave, so waiting for its room would never end."""
        if self._held + size > self._spool.limit:
            self._settling.wait()  # one of these may close a transfer
        if self._held + size > self._spool.limit:
            limit = self._spool.limit
            raise SpoolFullError(f"spool limit of {limit} bytes is too small for the packs that are being sealed")
        self._let_leave(size)
        self._spool.reserve(size, self._why_stuck)

    def _let_leave(self, size: int) -> None:
        """Wait while the disk is nearly full and what is sealed may leave it; then go on into what room there is.

        A transfer is closed before its time only where nothing else is on its way, so that it holds what the disk does.
        """
        while self._spool.is_cramped(size):
            if self._spool.used <= self._held:
                self._settling.wait()
                if (transfer := self._journal.close_transfer()) is None:
                    return
                self._closed()
                self._on_transfer(transfer)
            self._spool.await_release(self._why_stuck)

    def _why_stuck(self) -> BaseException | None:
        return self._settling.failure or self._stuck()

    @property
    def _held(self) -> int:
        with self._counting:
            return self._unclosed + sum(pack.size for pack in self._open.values())

    def _finish_pack(self, draft: PackDraft, target: OpenPack) -> None:
        """Runs behind the stream, for one pack at a time."""
        digest = target.finish()
        table = seal_row(self._repository, draft.table.encode())
        transfer = self._journal.add_pack(
            draft.id, draft.type, target.size, digest, draft.header, table, self._spool.limit // 4
        )
        self._underway.sealed(target.size)
        self._journaled += target.size
        if transfer is not None:
            self._closed()
        events.emit("pack-sealed", pack=draft.id.name, size=target.size, sha256=digest.hex())
        if transfer is not None:
            self._on_transfer(transfer)

    def _closed(self) -> None:
        """What was journaled is of a closed transfer, and may leave."""
        with self._counting:
            self._unclosed -= self._journaled
        self._journaled = 0

    def _finish(self, end: EndOfStream) -> EndOfStream:
        self._settling.wait()
        end.counted["checksum"] = self._chunks
        if self._open or len(set(end.counted.values())) != 1:
            counts = ", ".join(f"{stage} {count}" for stage, count in end.counted.items())
            raise StreamEndedEarlyError(f"stages disagree on the number of new chunks: {counts}")
        return end
