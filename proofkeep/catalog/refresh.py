"""Bring a catalog up to date from ledger, index, locks and retirements; needs host keys, no right to decrypt."""

from hashlib import sha256

from proofkeep import events
from proofkeep.catalog.database import Catalog
from proofkeep.errors import IntegrityError, LedgerMismatchError, ObjectMissingError
from proofkeep.format import index, locks, names
from proofkeep.format.ledger_entry import LedgerEntry, StoredObject
from proofkeep.format.pack_set import decode_packs
from proofkeep.format.table import decode_table
from proofkeep.ledger import START, Head, Heads, read_chain, require_heads, writers
from proofkeep.model import Finding
from proofkeep.repository import Repository
from proofkeep.repository.local_rows import index_key, seal_table
from proofkeep.repository.retirement import read_retired


def refresh(repository: Repository, catalog: Catalog, remembered: Heads) -> list[Finding]:
    """Learn what every writer's ledger tells since the last time; what could not be learned comes back as findings.

    Raises:
        RollbackError: a chain lacks a head seen earlier (`remembered`, or the catalog's own).
        LedgerMismatchError, AuthenticationError, MalformedError: a chain that does not hold.
    """
    require_heads(repository, remembered)
    findings: list[Finding] = []
    for writer in writers(repository):
        after = catalog.head(writer)
        if remembered.get(writer, START).sequence < after.sequence:
            require_heads(repository, {writer: after})
        for entry, head in read_chain(repository, writer, after):
            _learn_entry(repository, catalog, entry, head, findings)
        _learn_locks(repository, catalog, writer)
    packs, refused = read_retired(repository)
    catalog.set_retired(packs)
    return findings + refused


def _learn_entry(
    repository: Repository, catalog: Catalog, entry: LedgerEntry, head: Head, findings: list[Finding]
) -> None:
    with catalog.transaction():
        for item in entry.objects:
            if item.type == "pack":
                catalog.set_version(names.parse_pack(item.name), item.version_id)
            if item.type != "index":
                continue
            try:
                _learn_index(repository, catalog, item)
            except (IntegrityError, ObjectMissingError) as error:
                findings.append(Finding(error.code, item.name, str(error)))
                events.emit("index-refused", outcome="failure", object=item.name, code=error.code)
        catalog.set_head(entry.writer, head)


def _learn_index(repository: Repository, catalog: Catalog, item: StoredObject) -> None:
    data = repository.store.get(item.name, version_id=item.version_id)
    if sha256(data).digest() != item.sha256:
        raise LedgerMismatchError(f"index object {item.name} is not the one the ledger names")
    writer, number = names.parse_numbered(item.name)
    content = index.open_index(index_key(repository, data, item.name), repository.id, writer, number, data)
    for row in content.packs:
        table = decode_table(row.table, row.id.name)
        catalog.add_pack(row, [chunk.id for chunk in table.chunks], seal_table(repository, row.table))


def _learn_locks(repository: Repository, catalog: Catalog, writer: bytes) -> None:
    for stat in repository.store.list(f"{names.LOCKS}{writer.hex()}/"):
        data = repository.store.get(stat.name)
        _, number = names.parse_numbered(stat.name)
        content = locks.open_locks(index_key(repository, data, stat.name), repository.id, writer, number, data)
        catalog.set_locked(decode_packs(content.packs), content.until)
