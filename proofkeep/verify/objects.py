"""The store against the ledger: every object present, of its size, and, as far as asked, of its SHA-256."""

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256

from proofkeep.damage import OnFound
from proofkeep.errors import CancelledError, ObjectMissingError, ObjectUnreadableError, ProofkeepError
from proofkeep.format import names
from proofkeep.format.names import PackId, folder
from proofkeep.model import ObjectStat
from proofkeep.ports import Cancelled, Progress
from proofkeep.repository import Repository
from proofkeep.repository.stored import read_digest, telling_unreadable
from proofkeep.verify.expected import Expected, ExpectedObject
from proofkeep.verify.report import VerificationReport

_PREFIXES = (names.INDEX, names.KEYS, names.PACKS, names.SNAPSHOTS)
_THREADS = 4
_SMALL = {"index", "key", "record"}
_TOLD_EVERY = 256  # objects of a listing


@dataclass(frozen=True, slots=True)
class Reading:
    """How much is read back: a fraction of the packs, drawn by a seed, and all small objects unless it is 0.

    Attributes:
        known: what is read in any case: names of objects that were found damaged before, and folders.
    """

    fraction: float
    seed: bytes
    known: frozenset[str] = frozenset()

    def share_of(self, kind: str) -> float:
        """How much of the objects of one type is read."""
        if self.fraction <= 0:
            return 0.0
        return 1.0 if kind in _SMALL else self.fraction

    def wants(self, item: ExpectedObject) -> bool:
        """Whether this object is read."""
        if item.name in self.known or folder(item.name) in self.known:
            return True
        drawn = int.from_bytes(sha256(self.seed + item.name.encode()).digest()[:8], "big")
        return drawn < self.share_of(item.type) * 2**64


class ObjectCheck:
    """Merges the sorted listing with the ledger, and hashes what is to be read on a few threads.

    Attributes:
        sound: of the objects that were found damaged before, those that are as the ledger says, or retired and gone.
    """

    def __init__(
        self,
        repository: Repository,
        expected: Expected,
        report: VerificationReport,
        retired: set[PackId],
        on_found: OnFound,
        cancelled: Cancelled,
        progress: Progress,
    ) -> None:
        self._repository = repository
        self._expected = expected
        self._report = report
        self._retired = {pack.name for pack in retired}
        self._on_found = on_found
        self._cancelled = cancelled
        self._progress = progress
        self._total_objects = 0
        self._total_bytes = 0
        self._known: frozenset[str] = frozenset()
        self.sound: set[str] = set()

    def run(self, reading: Reading) -> None:
        """Check all objects. Raises `CancelledError`, and `StoreError` or `TransportError` when it could not look."""
        self._known = reading.known
        totals = self._expected.totals()
        self._total_objects = sum(count for count, _ in totals.values())
        self._total_bytes = round(sum(size * reading.share_of(kind) for kind, (_, size) in totals.items()))
        pending: deque[tuple[ExpectedObject, Future[tuple[bytes, int]]]] = deque()
        with ThreadPoolExecutor(_THREADS, thread_name_prefix="verify") as pool:
            try:
                for item in self._listed():
                    if reading.wants(item):
                        pending.append((item, pool.submit(self._read, item)))
                    while len(pending) >= 2 * _THREADS:
                        self._settle(*pending.popleft())
                while pending:
                    self._settle(*pending.popleft())
            finally:
                for item, future in pending:  # where it is cut: what was read by then counts
                    if not future.cancel():
                        with suppress(ProofkeepError):
                            self._settle(item, future)
        self._tell()

    def _listed(self) -> Iterator[ExpectedObject]:
        """Objects that are present with their size; the others become findings."""
        for prefix in _PREFIXES:
            listing = self._repository.store.list(prefix)
            stat = next(listing, None)
            for item in self._expected.objects(prefix):
                if self._cancelled():
                    raise CancelledError("verification was cancelled")
                while stat is not None and stat.name < item.name:
                    self._report.unvouched += 1
                    stat = next(listing, None)
                found = stat if stat is not None and stat.name == item.name else None
                if found is not None:
                    stat = next(listing, None)
                if self._is_present(item, found):
                    yield item
            self._report.unvouched += sum(1 for _ in listing) + (stat is not None)

    def _is_present(self, item: ExpectedObject, stat: ObjectStat | None) -> bool:
        if stat is None:
            if item.name not in self._retired:
                self._find(ObjectMissingError.code, item, "it is not in the store")
            elif item.name in self._known:
                self.sound.add(item.name)
            return False
        self._report.objects += 1
        self._report.bytes += stat.size
        if self._report.objects % _TOLD_EVERY == 1:
            self._tell()
        if stat.size != item.length:
            self._find("truncated", item, f"it has {stat.size} bytes where the ledger says {item.length}")
            return False
        return True

    def _read(self, item: ExpectedObject) -> tuple[bytes, int]:
        with telling_unreadable(self._repository.store, item.name):
            return read_digest(self._repository.store, item.name, item.version_id)

    def _settle(self, item: ExpectedObject, future: Future[tuple[bytes, int]]) -> None:
        try:
            digest, length = future.result()
        except ObjectMissingError:
            self._find(ObjectMissingError.code, item, "the version the ledger names is not in the store")
            return
        except ObjectUnreadableError as error:
            self._find(error.code, item, "it cannot be read, though the store answers")
            return
        self._report.read += 1
        self._report.read_bytes += length
        if digest != item.sha256:
            self._find("integrity", item, "its sha-256 is not the one in the ledger")
        elif item.name in self._known:
            self.sound.add(item.name)
        self._tell()

    def _tell(self) -> None:
        """What is to be read is known as its share of the packs, so that the end may come a little early or late."""
        report = self._report
        known = {"total_bytes": self._total_bytes} if self._total_bytes else {"total_objects": self._total_objects}
        self._progress("verify", objects=report.objects, bytes=report.read_bytes, **known)

    def _find(self, code: str, item: ExpectedObject, detail: str) -> None:
        self._expected.set_damaged(item.name)
        self._report.find(code, item.name, detail)
        self._on_found([item.name])
