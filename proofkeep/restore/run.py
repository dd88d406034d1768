"""Restore: walk the manifest in windows, make what has no content, fill files from packs, name the tree last."""

from collections.abc import Iterator, Sequence
from itertools import chain

import msgspec

from proofkeep import events
from proofkeep.damage import OnFound, spelled, unkept
from proofkeep.errors import (
    CancelledError,
    ProofkeepError,
    RestoreError,
    TargetFullError,
    UnsafePathError,
)
from proofkeep.format.manifest import ID_SIZE, Entry, split_ids
from proofkeep.model import Finding, Kind
from proofkeep.ports import Cancelled, Progress
from proofkeep.progress import silent
from proofkeep.repository import Repository
from proofkeep.restore.fetch import Fetcher, Parts
from proofkeep.restore.files import FileJob, Target, Want, place_chunks
from proofkeep.restore.report import RestoreReport
from proofkeep.snapshots import (
    EVERYTHING,
    ChunkStore,
    CommittedSnapshot,
    DataKeys,
    Selection,
    read_packs,
    walk_manifest,
)
from proofkeep.snapshots.damaged import ReadBack, damage_met, telling_damage
from proofkeep.snapshots.walk import open_roots

_WINDOW_CHUNKS = 4096
_WINDOW_ENTRIES = 4096
_WINDOW_DESCRIBED = 4 << 20
_FIRST_ENTRIES = 256
THREADS = 4


def restore(
    repository: Repository,
    chunks: ChunkStore,
    data_keys: DataKeys,
    snapshot: CommittedSnapshot,
    target: Target,
    *,
    selection: Selection = EVERYTHING,
    damage: Sequence[Finding] = (),
    threads: int = THREADS,
    on_found: OnFound = unkept,
    cancelled: Cancelled = lambda: False,
    progress: Progress = silent,
) -> RestoreReport:
    """Restore a snapshot into `target`, intact files only; damage is listed and the rest restored.

    Args:
        damage: what is known to be wrong with the repository already; it goes into the report.
        on_found: is told what does not hold as soon as it does not, before it is known why; the report tells that.

    Returns:
        The report; `intact` is false when there is damage, a file was incomplete in the snapshot, or an id is of none.

    Raises:
        TargetError, TargetFullError: the target cannot take files; nothing is left there.
        UnsafePathError, MalformedError: the manifest is hostile; nothing is left there.
        KeyAccessError, StoreError, TransportError: of the kind met; nothing is left there.
    """
    known = [finding.subject for finding in damage]
    on_found(known)
    chunks = chunks.preferring(read_packs(repository, snapshot.id))
    roots = open_roots(repository, data_keys, snapshot)
    with telling_damage(chunks, snapshot.id.short, on_found, progress) as telling:
        run = _Restore(repository, chunks, target, snapshot, threads, cancelled, telling)
        report = run.report
        report.findings.extend(damage)
        target.begin()
        try:
            if selection is EVERYTHING:  # so that processes start while the manifest is fetched
                told = snapshot.facts.totals
                run.fetcher.expect(told.get("files", 0), told.get("bytes", 0))
            entries = walk_manifest(chunks, roots, report.findings.append, selection)
            run.restore(entries)
            target.complete()
        except BaseException:
            run.fetcher.close()
            target.abandon()
            raise
        run.fetcher.close()
        met = damage_met(ReadBack(repository), chunks, data_keys, snapshot.id.short)
    owners, xattrs = run.fetcher.unset
    report.owners_unset, report.xattrs_unset = target.owners_unset + owners, target.xattrs_unset + xattrs
    report.miss(each.hex() for each in selection.unmet())
    report.damaged = spelled([*known, *met])
    report.whole = selection is EVERYTHING
    events.emit(
        "restore",
        outcome="success" if report.intact else "failure",
        snapshot=snapshot.id.short,
        files=report.files,
        bytes=report.bytes,
        findings=len(report.findings),
    )
    return report


def _windows(entries: Iterator[Entry]) -> Iterator[list[Entry]]:
    """Runs of entries that together need a bounded number of chunks, and so much memory for what describes them.

    Short at first, so that reading begins soon. A file that needs more has a window of its own.
    """
    window: list[Entry] = []
    chunks, described, most = 0, 0, _FIRST_ENTRIES
    for entry in entries:
        count, size = len(entry.chunks) // ID_SIZE, entry.described
        if window and (chunks + count > _WINDOW_CHUNKS or described + size > _WINDOW_DESCRIBED):
            yield window
            window, chunks, described = [], 0, 0
        window.append(entry)
        chunks, described = chunks + count, described + size
        if chunks >= _WINDOW_CHUNKS or len(window) >= most:
            yield window
            window, chunks, described, most = [], 0, 0, min(2 * most, _WINDOW_ENTRIES)
    if window:
        yield window


class _Window(msgspec.Struct, frozen=True):
    """Files that were begun together: a first part of what they need is under way, further parts are found in turn."""

    jobs: list[FileJob]
    further: Iterator[list[Want]]
    under_way: Parts


class _Restore:
    """One restore's bookkeeping. Two windows are under way at a time: one is fetched while the next is begun."""

    def __init__(
        self,
        repository: Repository,
        chunks: ChunkStore,
        target: Target,
        snapshot: CommittedSnapshot,
        threads: int,
        cancelled: Cancelled,
        progress: Progress,
    ) -> None:
        self.fetcher = Fetcher(chunks, target, threads, cancelled, self.tell)
        self._ids = repository.keys.ids
        self._chunks = chunks
        self._target = target
        self._cancelled = cancelled
        self._progress = progress
        self._links: dict[bytes, bytes | FileJob] = {}
        self._counted = 0
        self.report = RestoreReport(snapshot.id.short, snapshot.facts.complete)

    def restore(self, entries: Iterator[Entry]) -> None:
        """Make all of it, in order."""
        before: _Window | None = None
        for window in map(self.begin, _windows(entries)):
            if before is not None:
                self.end(before)
            before = window
        if before is not None:
            self.end(before)

    def begin(self, window: list[Entry]) -> _Window:
        """Make every entry of the window and begin to fetch what its files need."""
        if self._cancelled():
            raise CancelledError("restore was cancelled")
        jobs = [job for entry in window if (job := self._begin(entry)) is not None]
        parts = self._parts(jobs)
        return _Window(jobs, parts, self.fetcher.begin(next(parts)))

    def end(self, window: _Window) -> None:
        """Wait for what the window's files need and finish them."""
        under_way = window.under_way
        for wants in window.further:
            following = self.fetcher.begin(wants)
            self.fetcher.end(under_way)
            under_way = following
        self.fetcher.end(under_way)
        for job in window.jobs:
            self._finish(job)
        self._counted = self.fetcher.placed
        self.tell()

    def _parts(self, jobs: list[FileJob]) -> Iterator[list[Want]]:
        """What a window's files need, so many chunks at a time, however long a file is; once at least."""
        step = _WINDOW_CHUNKS * ID_SIZE
        length = max((len(job.entry.chunks) for job in jobs), default=0)
        for start in range(0, length or 1, step):
            end = start + step
            yield self._wants(jobs, [split_ids(job.entry.chunks[start:end]) for job in jobs], whole=end >= length)

    def _wants(self, jobs: list[FileJob], ids: list[list[bytes]], *, whole: bool) -> list[Want]:
        places = self._chunks.locate(list(dict.fromkeys(chain.from_iterable(ids))))
        wants: list[Want] = []
        for job, of_job in zip(jobs, ids, strict=True):
            wants.extend(place_chunks(job, of_job, places, whole=whole))
        return wants

    def tell(self) -> None:
        """Show where the restore is: what lies in files that are not finished counts too."""
        report = self.report
        report.read = self.fetcher.read
        written = report.bytes + self.fetcher.placed - self._counted
        self._progress("restore", files=report.files, bytes=written, read_bytes=report.read)

    def _begin(self, entry: Entry) -> FileJob | None:
        """Make the entry, or begin its file."""
        if entry.unread:
            self._find(entry, entry.unread, "its content was not read completely when the snapshot was made")
            self.report.unread += 1
            if entry.kind == Kind.FILE and not entry.chunks:
                return None
        try:
            if entry.kind != Kind.FILE:
                self._make(entry)
                return None
            if entry.hardlink in self._links and self._link(entry):
                return None
            job = FileJob(entry, None if _is_small(entry) else self._target.create(entry))
        except (TargetFullError, UnsafePathError):
            raise
        except RestoreError as error:
            self._find(entry, error.code, str(error))
            return None
        if entry.hardlink:
            self._links[entry.hardlink] = job
        return job

    def _make(self, entry: Entry) -> None:
        if self._target.make(entry) is not None:
            self.report.skipped += 1
        elif entry.kind == Kind.DIRECTORY:
            self.report.directories += 1
        else:
            self.report.other += 1

    def _link(self, entry: Entry) -> bool:
        """Link to the group's first name, or leave that until its file is finished; false when that was lost."""
        first = self._links[entry.hardlink]
        if isinstance(first, FileJob):
            if first.error is not None:
                return False
            first.links.append(entry.path)
        else:
            self._make_link(entry, entry.path, first)
        return True

    def _make_link(self, entry: Entry, path: bytes, existing: bytes) -> None:
        try:
            self._target.link(path, existing)
        except (TargetFullError, UnsafePathError):
            raise
        except RestoreError as error:
            self._find(entry, error.code, str(error), path)
        else:
            self.report.files += 1

    def _finish(self, job: FileJob) -> None:
        if job.error is None and not job.made:
            try:
                self._target.finish(job.handle)
            except TargetFullError:
                raise
            except RestoreError as error:
                job.error = error
        if job.error is not None:
            self._lose(job, job.error)
            return
        self.report.files += 1
        self.report.bytes += job.entry.size
        if job.entry.hardlink:
            self._links[job.entry.hardlink] = job.entry.path
        for path in job.links:
            self._make_link(job.entry, path, job.entry.path)

    def _lose(self, job: FileJob, error: ProofkeepError) -> None:
        if job.handle is not None:
            self._target.discard(job.handle)
        self._links.pop(job.entry.hardlink, None)
        for path in (job.entry.path, *job.links):
            self._find(job.entry, error.code, str(error), path)

    def _find(self, entry: Entry, code: str, detail: str, path: bytes | None = None) -> None:
        name = entry.path if path is None else path
        self.report.findings.append(Finding(code, self._ids.path_id(name).hex(), detail, name))


def _is_small(entry: Entry) -> bool:
    """Whether a file is one chunk from its first byte to its last."""
    return len(entry.chunks) == ID_SIZE and not entry.extents
