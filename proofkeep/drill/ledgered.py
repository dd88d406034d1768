"""What the ledger says of the packs that a sample lies in: when and over what they travelled, and their checksums."""

from collections.abc import Collection
from dataclasses import asdict
from typing import Any

from proofkeep.format import instants
from proofkeep.format.ledger_entry import StoredObject
from proofkeep.ledger import follow_chain, writers
from proofkeep.repository import Repository


def pack_facts(repository: Repository, names: Collection[str]) -> list[dict[str, Any]]:
    """One row for each name that an entry vouches for, in the order of names.

    An entry behind a fault of its chain still vouches for its objects; the fault is a finding of verify.
    """
    rows: dict[str, dict[str, Any]] = {}
    for writer in writers(repository):
        for link in follow_chain(repository, writer):
            if link.entry is not None:
                rows.update((item.name, _row(item)) for item in link.entry.objects if item.name in names)
    return [rows[name] for name in sorted(rows)]


def _row(item: StoredObject) -> dict[str, Any]:
    return {
        "name": item.name,
        "length": item.length,
        "sha256": item.sha256.hex(),
        "version_id": item.version_id,
        "uploaded_at": instants.to_text(item.uploaded_at_ns),
        "verified_at": instants.to_text(item.verified_at_ns),
        "verified_by": item.verified_by,
        "tls": None if item.tls is None else asdict(item.tls),
    }
