"""Bring a catalog up to date from ledger, index, locks and retirements; needs host keys, no right to decrypt."""

from collections.abc import Callable
from hashlib import sha256

from proofkeep import events
from proofkeep.catalog.database import Catalog
from proofkeep.errors import (
    REFUSED,
    AuthenticationError,
    LedgerMismatchError,
    ObjectMissingError,
    ObjectUnreadableError,
    ProofkeepError,
    RollbackError,
)
from proofkeep.format import index, locks, names
from proofkeep.format.index import PackRow
from proofkeep.format.ledger_entry import LedgerEntry, StoredObject
from proofkeep.format.names import PackId
from proofkeep.format.pack_set import decode_packs
from proofkeep.format.table import decode_table
from proofkeep.ledger import START, Head, Heads, follow_chain, require_heads, writers
from proofkeep.model import Finding
from proofkeep.ports import Progress
from proofkeep.progress import silent
from proofkeep.repository import Repository
from proofkeep.repository.local_rows import index_key, seal_row
from proofkeep.repository.retirement import read_retired
from proofkeep.repository.stored import fetch


def refresh(
    repository: Repository,
    catalog: Catalog,
    remembered: Heads,
    *,
    own: bytes | None = None,
    progress: Progress = silent,
) -> list[Finding]:
    """Learn what every writer's ledger tells since the last time; what does not hold comes back as findings.

    Behind a fault of a chain its entries are still learned, for who restores; new snapshots are kept from packs that
    nothing before the fault vouches for. One writer's fault, or rollback, thus stops no other.

    Args:
        remembered: heads seen earlier, whose absence is a fault.
        own: the writer whose chain the caller is about to append to.
        progress: told of each ledger entry that was new; of nothing where none was.

    Raises:
        RollbackError, LedgerMismatchError, AuthenticationError, MalformedError: the chain of `own` does not hold.
    """
    catalog.belong_to(repository.id)
    findings: list[Finding] = []
    proven: dict[bytes, int] = {}
    counts = {"entries": 0, "objects": 0}

    def tell(entry: LedgerEntry) -> None:
        counts["entries"] += 1
        counts["objects"] += len(entry.objects)
        progress("refresh", **counts)

    for writer in sorted({*writers(repository), *remembered, *catalog.heads()}):
        learning = _Learning(repository, catalog, writer, tell)
        learning.run(remembered.get(writer, START))
        if learning.faults:
            if writer == own:
                raise learning.faults[0]
            proven[writer] = learning.proven
            findings += (_fault(writer, fault) for fault in learning.faults)
        findings += learning.findings + _learn_locks(repository, catalog, writer)
    catalog.set_faults(proven)
    findings += _learn_missed(repository, catalog, {finding.subject for finding in findings})
    packs, refused = read_retired(repository)
    catalog.set_retired(packs)
    return findings + refused


class _Learning:
    """One chain's new entries on their way into the catalog.

    Attributes:
        faults: where the chain does not hold; none if it does.
        proven: the last sequence before the first fault, -1 when a head seen earlier is not in the chain any more.
        findings: objects of its entries that do not hold.
    """

    def __init__(
        self, repository: Repository, catalog: Catalog, writer: bytes, tell: Callable[[LedgerEntry], None]
    ) -> None:
        self._repository = repository
        self._tell = tell
        self._catalog = catalog
        self._writer = writer
        self.faults: list[ProofkeepError] = []
        self.findings: list[Finding] = []
        self.proven = catalog.head(writer).sequence

    def run(self, seen: Head) -> None:
        """Follow the chain from where the catalog stands; `seen` is another head that must be in it."""
        known = self._catalog.head(self._writer)
        if seen != known:
            try:
                require_heads(self._repository, {self._writer: seen})
            except (RollbackError, ObjectUnreadableError) as fault:
                self._stumble(fault)
        for link in follow_chain(self._repository, self._writer, known):
            if link.fault is not None and str(link.fault) not in map(str, self.faults):
                self._stumble(link.fault)
            if link.entry is not None:
                head = None if self.faults else link.head
                self.findings += learn_entry(self._repository, self._catalog, link.entry, head)
                self._tell(link.entry)
            if not self.faults:
                self.proven = link.head.sequence

    def _stumble(self, fault: ProofkeepError) -> None:
        self.faults.append(fault)
        if isinstance(fault, RollbackError):
            self.proven = -1


def _fault(writer: bytes, fault: ProofkeepError) -> Finding:
    events.emit("ledger-fault", outcome="failure", writer=writer.hex(), code=fault.code)
    return Finding(fault.code, f"ledger of writer {writer.hex()}", str(fault))


def learn_entry(repository: Repository, catalog: Catalog, entry: LedgerEntry, head: Head | None) -> list[Finding]:
    """What one ledger entry tells; a finding for each object of its that does not hold.

    `head` is the entry's own, up to which the chain is then known; None for one behind a fault.

    Index objects are learned one by one, since memory may not take all of them; each is fetched before its transaction:
    other runs of this host must not wait for the store behind us. Where that is broken off, the entry is learned anew.
    """
    versions: list[tuple[PackId, str | None]] = []
    missed: list[StoredObject] = []
    findings: list[Finding] = []
    for item in entry.objects:
        try:
            if item.type == "pack":
                versions.append((_own_pack(item, entry.writer), item.version_id))
            elif item.type == "index":
                packs = _read_index(repository, item.name, item.sha256, item.version_id, entry.writer)
                _learn_packs(repository, catalog, packs)
        except (*REFUSED, ObjectMissingError) as error:
            findings.append(_refused(item.name, error))
            if item.type == "index":
                missed.append(item)
    with catalog.transaction():
        for pack, version in versions:
            catalog.set_version(pack, version, entry.sequence)
        for item in missed:
            catalog.set_unlearned(entry.writer, item.name, item.sha256, item.version_id)
        if head is not None:
            catalog.set_head(entry.writer, head)
    return findings


def _learn_missed(repository: Repository, catalog: Catalog, told: set[str]) -> list[Finding]:
    """Index objects that could not be learned at an earlier time, tried again; a finding for each as long as it cannot.

    `told` are those that have a finding already.
    """
    findings = []
    for writer, name, digest, version in catalog.unlearned():
        if name in told:
            continue
        try:
            packs = _read_index(repository, name, digest, version, writer)
        except (*REFUSED, ObjectMissingError) as error:
            findings.append(_refused(name, error))
            continue
        with catalog.transaction():
            _learn_packs(repository, catalog, packs)
            catalog.set_learned(writer, name)
    return findings


def _learn_packs(repository: Repository, catalog: Catalog, packs: list[tuple[PackRow, list[bytes]]]) -> None:
    with catalog.transaction():
        for row, ids in packs:
            catalog.add_pack(row, ids, seal_row(repository, row.table))


def _refused(name: str, error: ProofkeepError) -> Finding:
    events.emit("object-refused", outcome="failure", object=name, code=error.code)
    return Finding(error.code, name, str(error))


def _own_pack(item: StoredObject, writer: bytes) -> PackId:
    pack = names.parse_pack(item.name)
    if pack.writer != writer:
        raise AuthenticationError(f"ledger of writer {writer.hex()} vouches for pack {item.name} of another")
    return pack


def _read_index(
    repository: Repository, name: str, digest: bytes, version: str | None, vouching: bytes
) -> list[tuple[PackRow, list[bytes]]]:
    """Packs of an index object, each with its chunk ids; it counts only where its own writer's chain names it."""
    writer, number = names.parse_numbered(name)
    if names.index(writer, number) != name or writer != vouching:
        raise AuthenticationError(f"ledger of writer {vouching.hex()} names {name}, which is no index of its own")
    data = fetch(repository.store, name, version_id=version)
    if sha256(data).digest() != digest:
        raise LedgerMismatchError(f"index object {name} is not the one the ledger names")
    content = index.open_index(index_key(repository, data, name), repository.id, writer, number, data)
    return [(row, [chunk.id for chunk in decode_table(row.table, row.id.name).chunks]) for row in content.packs]


def _learn_locks(repository: Repository, catalog: Catalog, writer: bytes) -> list[Finding]:
    findings = []
    for stat in repository.store.list(f"{names.LOCKS}{writer.hex()}/"):
        try:
            data = fetch(repository.store, stat.name)
            _, number = names.parse_numbered(stat.name)
            content = locks.open_locks(index_key(repository, data, stat.name), repository.id, writer, number, data)
            catalog.set_locked(decode_packs(content.packs), content.until)
        except (*REFUSED, ObjectMissingError) as error:
            findings.append(_refused(stat.name, error))
    return findings
