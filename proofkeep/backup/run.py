"""One backup run on its host: what the stages share, what a retry finds again."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from types import TracebackType
from typing import Self

from proofkeep import canonical, events
from proofkeep.backup.adopted import Adopted
from proofkeep.backup.checksum import ChecksumSink, OnTransfer, Stuck
from proofkeep.backup.commit import CommitReceipt, Committer
from proofkeep.backup.compress import compress
from proofkeep.backup.confirm import distrusted_packs
from proofkeep.backup.encrypt import PackPlanner, encrypt
from proofkeep.backup.finished import remove_finished
from proofkeep.backup.items import Compressed, EndOfStream, Sealed, Stopped
from proofkeep.backup.known import Known
from proofkeep.backup.options import Identity, Options
from proofkeep.backup.preconditions import compare_clocks, refuse_by_policy
from proofkeep.backup.recognised import recognise
from proofkeep.backup.session import SealingSession
from proofkeep.backup.snapshot import Walk
from proofkeep.backup.transfer import Receipt, Sender
from proofkeep.backup.underway import Underway
from proofkeep.catalog import Catalog, refresh
from proofkeep.chunking import Chunker
from proofkeep.errors import PackMissingError, PolicyError, RunAbandonedError, StreamEndedEarlyError
from proofkeep.format import record
from proofkeep.format.names import SnapshotId
from proofkeep.format.record import Root, SourceFacts
from proofkeep.journal import JOURNAL, Journal, Transfer
from proofkeep.ledger import load_heads
from proofkeep.lookahead import read_ahead
from proofkeep.model import Finding
from proofkeep.ports import Cancelled, KeyProvider, Progress, Source
from proofkeep.progress import silent
from proofkeep.put_back import notice_put_back
from proofkeep.repository import Repository
from proofkeep.repository.local_rows import open_table
from proofkeep.slabs import Slab, SlabPool, slabs_for
from proofkeep.spool import Spool
from proofkeep.state import RepositoryState, locked
from proofkeep.unfinished import ABANDONED, BEGAN, GLANCE_SECONDS
from proofkeep.unfinished.sending import say_sending


class Backup:
    """A run, opened on the host that holds its journal. Used as a context manager; a plain object to Prefect.

    While `needs_sealing`, drain `snapshot` through `compress` and `encrypt` into `checksum`; then `upload` and `verify`
    each transfer, then `commit`. Every step may be repeated.

    Attributes:
        unread: what the source would not give; its paths are for the CLI.
        findings: what in the repository does not hold and was passed over: other writers' chains, index objects, locks,
            retirements.
        adopted: what came of the abandoned runs that this one took up (`proofkeep.backup.adopt`).
    """

    _sends_for = ""  # the entry, hex, of a run that never seals

    def __init__(
        self,
        repository: Repository,
        state: RepositoryState,
        source: Source,
        providers: Sequence[KeyProvider],
        identity: Identity,
        options: Options,
        *,
        cancelled: Cancelled = lambda: False,
        progress: Progress = silent,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        self.repository = repository
        self.state = state
        self.source = source
        self.identity = identity
        self.options = options
        self.cancelled = cancelled
        self.progress = progress
        self.clock = clock
        self._providers = providers
        self._stuck: Stuck = lambda: None
        self.unread: list[Finding] = []
        self.findings: list[Finding] = []
        self.adopted: list[Adopted] = []
        self.recognised: CommitReceipt | None = None

    def __enter__(self) -> Self:
        folder = self.state.make_run(self.identity.run)
        with ExitStack() as opened:
            opened.enter_context(locked(folder / "lock", patience=GLANCE_SECONDS))
            say_sending(folder, self._sends_for)
            self.journal = opened.enter_context(closing(Journal(folder / JOURNAL)))
            self.catalog = opened.enter_context(closing(Catalog(self.state.catalog_file)))
            self.spool = Spool(folder / "spool", self.options.spool_limit, self.cancelled)
            self._prepare()
            if not (self._sends_for or self.needs_sealing):
                say_sending(folder, self.entry.hex())
            self._opened = opened.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._opened.close()

    def _prepare(self) -> None:
        self.writer = self.state.writer()
        self.entry = self.repository.keys.entry_id(self.identity.entry)
        remembered = load_heads(self.state.heads_file)
        self.findings = refresh(self.repository, self.catalog, remembered, own=self.writer, progress=self.progress)
        if self.catalog.head(self.writer) != remembered.get(self.writer):
            began = self.journal.fact("entry") is not None
            notice_put_back(self.repository, self.state, remembered, b"" if began else self.identity.run)
        refuse_by_policy(self)
        self.clock_checked = compare_clocks(self)
        self._recover()
        remove_finished(self.state)
        self.underway = Underway(self.progress, self.cancelled)
        self.underway.begin(self.journal.packs())
        self.sender = Sender(
            self.repository,
            self.journal,
            self.spool,
            self.clock,
            self.cancelled,
            self.options.senders,
            self.underway,
        )

    def _recover(self) -> None:
        """Bring the journal of an earlier attempt into a state from which this one goes on."""
        if self.journal.fact("committed") is None:
            self.recognised = recognise(self)
        self._refuse_abandoned()
        if self.journal.fact("entry") not in {None, self.entry.hex()}:
            raise PolicyError(f"run {self.identity.run.hex()} belongs to another inventory entry")
        self.journal.set_fact("entry", self.entry.hex())
        self.journal.set_fact(BEGAN, {"entry": self.identity.entry, "orchestrator": self.identity.orchestrator})
        lost = [pack.id for pack in self.journal.packs() if pack.verified is None and not self.spool.holds(pack.id)]
        committed = self.journal.fact("committed")
        if lost or (committed is not None and not committed["complete"]) or self._half_adopted():
            self.journal.reopen_without(lost, "gone from this host's spool")
        self.journal.close_transfer()
        self.spool.keep_only(pack.id for pack in self.journal.packs() if pack.verified is None)

    def _refuse_abandoned(self) -> None:
        if self.journal.fact(ABANDONED) is not None and self.journal.fact("committed") is None:
            raise RunAbandonedError(f"run {self.identity.run.hex()} was abandoned, what it had not sent is gone")

    def _half_adopted(self) -> bool:
        """Whether index objects are kept of a generation that still seals packs, which those would not name."""
        indexes = self.journal.objects("kind='index' AND generation=?", (self.journal.generation,))
        return self.needs_sealing and any(indexes)

    @property
    def snapshot_id(self) -> SnapshotId:
        """The snapshot this run is making."""
        return SnapshotId(self.entry, self.writer, self.identity.run, self.journal.generation)

    @property
    def needs_sealing(self) -> bool:
        """Whether the source must (still) be read; false once everything new lies sealed in spool or store."""
        return self.journal.end is None and self.journal.fact("committed") is None

    def watch(self, stuck: Stuck) -> None:
        """Tell the stages how to learn that nothing leaves the spool any more."""
        self._stuck = stuck

    # --- streaming stages

    def begin(self) -> None:
        """Set up what the streaming stages share; call once before them.

        Each attempt reads the whole source again, so each has a source instant and file states of its own.
        """
        self._sealing = self.journal.generation
        self.journal.set_fact("source_at", self.clock())
        self.journal.set_fact("expires_ns", self.options.expires_ns)
        self.journal.noted.begin()
        self.pool = SlabPool(self.cancelled, slabs_for(self.options.workers))
        self.known = Known(self.catalog, self.options.expires_ns, distrusted_packs(self))
        for pack in self.journal.packs():
            table = open_table(self.repository, self.journal.sealed_table(pack.number), pack.id.name)
            self.known.add_sealed(chunk.id for chunk in table.chunks)
        self.session = SealingSession(self.repository, self.writer, self._providers, self.journal, self.clock)

    def snapshot(self) -> Iterator[Slab | EndOfStream]:
        """Stage 1. Slabs of new plaintext; reads ahead in a thread of its own."""
        walk = Walk(
            self.source,
            self.repository,
            self.repository.keys.ids,
            self.entry,
            self.catalog,
            self.journal,
            self.known,
            self.pool,
            Chunker(self.repository.descriptor.chunker, self.repository.keys.ids.seed),
            self.cancelled,
            self.progress,
            self.options.allow_empty,
            self.unread,
        )
        return read_ahead(walk.slabs(), 1, on_stop=self.pool.close)

    def compress(self, slabs: Iterator[Slab | EndOfStream | Stopped]) -> Iterator[Compressed | EndOfStream | Stopped]:
        """Stage 2. Frames of each slab."""
        options = self.options
        return compress(slabs, level=options.level, workers=options.workers, pack_size=options.pack_size)

    def encrypt(
        self, items: Iterator[Compressed | EndOfStream | Stopped]
    ) -> Iterator[list[Sealed] | EndOfStream | Stopped]:
        """Stage 3. Sealed and self-checked frames, placed in packs."""
        return encrypt(
            items,
            planner=PackPlanner(self.session, self.options.pack_size),
            pool=self.pool,
            seal_roots=self._seal_roots,
            workers=self.options.workers,
            self_check=self.options.self_check,
        )

    def _seal_roots(self, root: Root) -> bytes:
        facts = self.source.facts
        source = SourceFacts(
            list(facts.exclude), self.identity.host, list(facts.include), self.source.label, facts.root
        )
        return self.session.seal_roots(record.Roots(self.entry, self._sealing, [root], self.identity.run, source))

    def checksum(
        self, items: Iterator[list[Sealed] | EndOfStream | Stopped], on_transfer: OnTransfer
    ) -> dict[str, int] | Stopped:
        """Stage 4. Drain the chain into spool and journal, calling `on_transfer` for each transfer that closes.

        Returns:
            The totals, once all packs are durable; or what stopped the stream.

        Raises:
            SpoolFullError, StreamEndedEarlyError: as `ChecksumSink.drain`.
            PackMissingError: another run of this host dropped a pack that this one refers to.
        """
        sink = ChecksumSink(self.repository, self.journal, self.spool, on_transfer, self._stuck, self.underway)
        try:
            end = sink.drain(items)
            if isinstance(end, Stopped):
                return end
            referred = canonical.to_msgpack(self.known.referred()).hex()
        finally:
            self.session.close()
            self.known.close()
            self.pool.close()
        totals = end.totals | {"stored": self.journal.size()[1]}
        with self.journal.transaction():
            if self.journal.generation != self._sealing:
                # This manifest counts on chunks that the next generation has to seal anew, or that others took up.
                what = "what it had sealed was taken up by another run, or a pack did not arrive, while it sealed more"
                return Stopped(PackMissingError(f"run {self.identity.run.hex()} cannot commit: {what}"))
            last = self.journal.close_transfer()
            self.journal.set_fact("end", {"totals": totals, "roots": end.sealed_roots.hex(), "referred": referred})
        events.emit("stream-sealed", run=self.identity.run.hex(), stored=totals["stored"])
        if last is not None:
            on_transfer(last)
        return totals

    def require_sealed(self, ended: dict[str, int] | Stopped | None) -> None:
        """Raise what stopped the stream, whichever stage it was.

        Args:
            ended: what `checksum` returned; None where nothing had to be sealed.

        Raises:
            StreamEndedEarlyError: nothing stopped it, and yet its totals are missing.
        """
        if isinstance(ended, Stopped):
            raise ended.error
        if self.needs_sealing:
            raise StreamEndedEarlyError("stream ended without its totals")

    # --- durable steps

    def transfers(self) -> list[Transfer]:
        """Closed transfers, in order; the same on every retry."""
        return self.journal.transfers()

    def upload(self, transfer: Transfer) -> Receipt:
        """Stage 5. See `Sender.upload`."""
        return self.sender.upload(transfer)

    def verify(self, transfer: Transfer) -> Receipt:
        """Stage 6. See `Sender.verify`."""
        return self.sender.verify(transfer)

    def commit(self) -> CommitReceipt:
        """Stage 7. See `Committer.commit`."""
        return Committer(self).commit()
