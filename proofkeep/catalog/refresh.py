"""Bring a catalog up to date from ledger, index, locks and retirements; needs host keys, no right to decrypt."""

from hashlib import sha256

from proofkeep import events
from proofkeep.catalog.database import Catalog
from proofkeep.errors import (
    AuthenticationError,
    IntegrityError,
    LedgerMismatchError,
    ObjectMissingError,
    ProofkeepError,
)
from proofkeep.format import index, locks, names
from proofkeep.format.index import PackRow
from proofkeep.format.ledger_entry import LedgerEntry, StoredObject
from proofkeep.format.names import PackId
from proofkeep.format.pack_set import decode_packs
from proofkeep.format.table import decode_table
from proofkeep.ledger import START, Head, Heads, read_chain, require_heads, writers
from proofkeep.model import Finding
from proofkeep.repository import Repository
from proofkeep.repository.local_rows import index_key, seal_row
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
            findings += learn_entry(repository, catalog, entry, head)
        findings += _learn_locks(repository, catalog, writer)
    packs, refused = read_retired(repository)
    catalog.set_retired(packs)
    return findings + refused


def learn_entry(repository: Repository, catalog: Catalog, entry: LedgerEntry, head: Head) -> list[Finding]:
    """What one ledger entry tells; a finding for each object of its that does not hold.

    Everything is fetched first: other runs of this host must not wait for the store behind our transaction.
    """
    packs: list[tuple[PackRow, list[bytes]]] = []
    versions: list[tuple[PackId, str | None]] = []
    findings: list[Finding] = []
    for item in entry.objects:
        try:
            if item.type == "pack":
                versions.append((_own_pack(item, entry.writer), item.version_id))
            elif item.type == "index":
                packs.extend(_read_index(repository, item, entry.writer))
        except (IntegrityError, ObjectMissingError) as error:
            findings.append(_refused(item.name, error))
    with catalog.transaction():
        for pack, version in versions:
            catalog.set_version(pack, version)
        for row, ids in packs:
            catalog.add_pack(row, ids, seal_row(repository, row.table))
        catalog.set_head(entry.writer, head)
    return findings


def _refused(name: str, error: ProofkeepError) -> Finding:
    events.emit("object-refused", outcome="failure", object=name, code=error.code)
    return Finding(error.code, name, str(error))


def _own_pack(item: StoredObject, writer: bytes) -> PackId:
    pack = names.parse_pack(item.name)
    if pack.writer != writer:
        raise AuthenticationError(f"ledger of writer {writer.hex()} vouches for pack {item.name} of another")
    return pack


def _read_index(repository: Repository, item: StoredObject, vouching: bytes) -> list[tuple[PackRow, list[bytes]]]:
    """Packs of an index object, each with its chunk ids; it counts only where its own writer's chain names it."""
    writer, number = names.parse_numbered(item.name)
    if names.index(writer, number) != item.name or writer != vouching:
        raise AuthenticationError(f"ledger of writer {vouching.hex()} names {item.name}, which is no index of its own")
    data = repository.store.get(item.name, version_id=item.version_id)
    if sha256(data).digest() != item.sha256:
        raise LedgerMismatchError(f"index object {item.name} is not the one the ledger names")
    content = index.open_index(index_key(repository, data, item.name), repository.id, writer, number, data)
    return [(row, [chunk.id for chunk in decode_table(row.table, row.id.name).chunks]) for row in content.packs]


def _learn_locks(repository: Repository, catalog: Catalog, writer: bytes) -> list[Finding]:
    findings = []
    for stat in repository.store.list(f"{names.LOCKS}{writer.hex()}/"):
        try:
            data = repository.store.get(stat.name)
            _, number = names.parse_numbered(stat.name)
            content = locks.open_locks(index_key(repository, data, stat.name), repository.id, writer, number, data)
            packs = list(decode_packs(content.packs))
        except (IntegrityError, ObjectMissingError) as error:
            findings.append(_refused(stat.name, error))
        else:
            catalog.set_locked(packs, content.until)
    return findings
