"""The drawn files, restored, held against their manifest, and destroyed."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from proofkeep import events
from proofkeep.catalog import Catalog
from proofkeep.damage import OnFound, snapshot_of
from proofkeep.drill.digests import Digester
from proofkeep.drill.plan import Places
from proofkeep.drill.receipts import Compared, Draw, Facts, Restored, Sampled
from proofkeep.drill.scratch import Scratch, open_scratch
from proofkeep.errors import (
    CancelledError,
    IntegrityError,
    ObjectMissingError,
    PipelineError,
    ProofkeepError,
    RestoreError,
)
from proofkeep.format import instants
from proofkeep.format.manifest import Entry
from proofkeep.model import Finding
from proofkeep.ports import Cancelled, KeyProvider, Progress
from proofkeep.repository import Repository
from proofkeep.restore import RestoreReport, restore
from proofkeep.snapshots import (
    ChunkStore,
    CommittedSnapshot,
    DataKeys,
    by_id,
    by_path,
    list_snapshots,
    read_packs,
    walk_manifest,
)
from proofkeep.snapshots.damaged import ReadBack, damage_met, damage_unread
from proofkeep.snapshots.walk import open_roots

CLOCK_START = "before the first data key is unwrapped and the first byte of a drawn file is fetched"
CLOCK_STOP = "when the last drawn file stands complete in scratch"
CLOCK_LEAVES_OUT = "bringing the catalog up to date, finding the drawn files by keyed id, comparing, destroying"
_MS = 1_000_000


@dataclass(slots=True)
class SampleRestore:
    """One drill's restore."""

    repository: Repository
    catalog: Catalog
    providers: Sequence[KeyProvider]
    places: Places
    on_found: OnFound
    cancelled: Cancelled
    progress: Progress
    clock: Callable[[], int]
    ticks: Callable[[], int]
    damage: list[Finding] = field(default_factory=list)
    not_tested: list[str] = field(default_factory=list)
    damaged: list[str] = field(default_factory=list)
    _reasons: dict[tuple[str, str], str] = field(default_factory=dict)
    _reading: tuple[ChunkStore, str] | None = None

    def run(self, draw: Draw) -> Restored:
        """Restore and compare the sample; its plaintext is destroyed however this ends.

        Raises:
            CancelledError; any error that a second attempt may mend; PolicyError, TargetError: there is no scratch.
        """
        try:
            return self._run(draw)
        except BaseException:
            self.on_found([*self.damaged, *(damage_unread(*self._reading) if self._reading else ())])
            raise

    def _run(self, draw: Draw) -> Restored:
        by_snapshot: dict[str, list[Sampled]] = defaultdict(list)
        for sampled in draw.sample:
            by_snapshot[sampled.snapshot].append(sampled)
        found_at = self.ticks()
        snapshots = {each.id.short: each for each in list_snapshots(self.repository)[0]}
        back = ReadBack(self.repository)
        entries = {
            short: self._find(snapshots.get(short), short, wanted, self._chunks(), back)
            for short, wanted in by_snapshot.items()
        }
        scratch = open_scratch(self.places, sum(sampled.size for sampled in draw.sample), len(draw.sample))
        try:
            timing = {"finding_ms": (self.ticks() - found_at) // _MS}
            timing |= self._restore(entries, snapshots, scratch)
            began = self.ticks()
            compared = self._compare(by_snapshot, entries, scratch)
            timing["comparing_ms"] = (self.ticks() - began) // _MS
        finally:
            destruction = self._destroy(scratch)
        return Restored(compared, scratch.facts, destruction, timing, self.damage, self.not_tested, self.damaged)

    def _chunks(self) -> tuple[ChunkStore, DataKeys]:
        """A reader without a memory, so that keys and frames are fetched where the clock sees it."""
        data_keys = DataKeys(self.repository, self.providers)
        return ChunkStore(self.repository, self.catalog, data_keys), data_keys

    def _find(
        self,
        snapshot: CommittedSnapshot | None,
        short: str,
        wanted: list[Sampled],
        reader: tuple[ChunkStore, DataKeys],
        back: ReadBack,
    ) -> dict[str, Entry]:
        """Manifest entries of the drawn files, by keyed id."""
        path_id = self.repository.keys.ids.path_id
        found: dict[str, Entry] = {}
        if snapshot is None:
            self._lose(short, ObjectMissingError.code, "its record is gone since the draw")
            return found
        chunks, data_keys = reader
        self._reading = chunks, short
        selection = by_id([bytes.fromhex(sampled.file) for sampled in wanted], path_id)
        try:
            roots = open_roots(self.repository, data_keys, snapshot)
            preferring = chunks.preferring(read_packs(self.repository, snapshot.id))
            for entry in walk_manifest(preferring, roots, self._note, selection):
                found[path_id(entry.path).hex()] = entry
        except ProofkeepError as error:
            self._survive(short, error)
        self._met(damage_met(back, chunks, data_keys, short))
        return found

    def _restore(
        self, entries: dict[str, dict[str, Entry]], snapshots: dict[str, CommittedSnapshot], scratch: Scratch
    ) -> Facts:
        """Restore each snapshot's part; what the clock said."""
        chunks, data_keys = self._chunks()
        files = size = read = 0
        at, began = self.clock(), self.ticks()
        for short, found in entries.items():
            if not found:
                continue
            chunks.damaged.clear()  # it is told of the snapshot that met it
            self._reading = chunks, short
            selection = by_path([entry.path for entry in found.values()])
            try:
                report = restore(
                    self.repository,
                    chunks,
                    data_keys,
                    snapshots[short],
                    scratch.target(short),
                    selection=selection,
                    cancelled=self.cancelled,
                    progress=self.progress,
                )
            except ProofkeepError as error:
                self._survive(short, error)
                continue
            self._take(short, report)
            files, size, read = files + report.files, size + report.bytes, read + report.read
        elapsed = self.ticks() - began
        return {
            "started_at": instants.to_text(at),
            "stopped_at": instants.to_text(self.clock()),
            "clock_starts": CLOCK_START,
            "clock_stops": CLOCK_STOP,
            "clock_leaves_out": CLOCK_LEAVES_OUT,
            "recovery_ms": elapsed // _MS,
            "files": files,
            "bytes": size,
            "stored_bytes_read": read,
            "bytes_per_second": size * 10**9 // elapsed if elapsed else 0,
        }

    def _take(self, short: str, report: RestoreReport) -> None:
        for finding in report.findings:
            self._reasons[short, finding.subject] = finding.code
            self._note(finding)
        self._met(report.damaged)
        if report.owners_unset or report.xattrs_unset:
            unset = f"{report.owners_unset} owners and {report.xattrs_unset} extended attributes"
            self.not_tested.append(f"{unset} of snapshot {short} could not be set by this user or on this filesystem")

    def _met(self, things: list[str]) -> None:
        """Keep objects at once; what of a snapshot did not open is told by the files that it cost, once they are."""
        self.damaged += things
        self.on_found(thing for thing in things if not snapshot_of(thing))
        self._reading = None

    def _compare(
        self, wanted: dict[str, list[Sampled]], entries: dict[str, dict[str, Entry]], scratch: Scratch
    ) -> list[Compared]:
        digester = Digester(self.repository)
        compared: list[Compared] = []
        size = 0
        for short, group in wanted.items():
            for sampled in group:
                if self.cancelled():
                    raise CancelledError("drill was cancelled while it compared its sample")
                compared.append(self._compare_one(sampled, entries[short].get(sampled.file), scratch, digester))
                size += sampled.size
                self.progress("compare", files=len(compared), bytes=size)
        return compared

    def _compare_one(self, sampled: Sampled, entry: Entry | None, scratch: Scratch, digester: Digester) -> Compared:
        lost = Compared(sampled.snapshot, sampled.file, sampled.size, sampled.digest)
        reason = self._reasons.get((sampled.snapshot, sampled.file)) or self._reasons.get((sampled.snapshot, ""))
        if entry is None or reason is not None:
            return replace(lost, code=reason or ObjectMissingError.code)
        try:
            data = scratch.data(sampled.snapshot, entry)
            actual = digester.digest(entry.size, entry.extents, data).hex()
            fields = scratch.differing(sampled.snapshot, entry)
        except (RestoreError, IntegrityError) as error:
            self._note(Finding(error.code, sampled.file, str(error)))
            return replace(lost, code=error.code)
        equal = actual == sampled.digest
        if not equal:
            self._note(Finding(IntegrityError.code, sampled.file, "its restored content has another keyed digest"))
        if fields:
            self._note(Finding(RestoreError.code, sampled.file, f"its restored {', '.join(fields)} differ"))
        metadata = "not-compared" if fields is None else "differs" if fields else "equal"
        result, code = ("equal", "") if equal else ("differs", IntegrityError.code)
        return replace(lost, actual=actual, result=result, code=code, metadata=metadata, fields=fields or [])

    def _destroy(self, scratch: Scratch) -> Facts:
        method, gone = scratch.destroy()
        at = instants.to_text(self.clock())
        if not gone:
            self._note(Finding(RestoreError.code, "scratch", "something of it could not be removed"))
        events.emit("drill-destroy", outcome="success" if gone else "failure", scratch=scratch.kind)
        return {"method": method, "at": at, "nothing_left": gone}

    def _survive(self, short: str, error: ProofkeepError) -> None:
        """Take an error for a snapshot's whole part of the sample; raise what a second attempt may mend."""
        if error.retryable or isinstance(error, PipelineError):
            raise error
        self._lose(short, error.code, str(error))

    def _lose(self, short: str, code: str, detail: str) -> None:
        self._reasons[short, ""] = code
        self._note(Finding(code, f"snapshot {short}", detail))

    def _note(self, finding: Finding) -> None:
        self.damage.append(replace(finding, path=None))
