"""What reading a snapshot showed to be damaged, so told that who looks at the same thing later can say it is mended.

A pack that is not what the ledger says is damaged for everybody, and a verify sees it mended. One that is, and yet does
not open, was sealed so: only who opens it sees that.
"""

from collections.abc import Collection

from proofkeep.damage import within
from proofkeep.errors import ProofkeepError
from proofkeep.format.ledger_entry import StoredObject
from proofkeep.ledger import follow_chain, writers
from proofkeep.repository import Repository
from proofkeep.repository.stored import read_digest, telling_unreadable
from proofkeep.snapshots.chunks import ChunkStore

NO_INDEX = "chunks that no index names"
_MOST_READ = 64  # packs; that so many do not open is no fault of their sealing


def damage_met(repository: Repository, chunks: ChunkStore, snapshot: str) -> list[str]:
    """What did not hold of the packs read by now, as `proofkeep.damage` spells it; reads them back where there are few.

    Args:
        snapshot: `<run>.<generation>`, the one that was read.
    """
    names = sorted(chunks.pack_name(number) for number in chunks.damaged if number is not None)
    altered = set(names) if len(names) > _MOST_READ else _altered(repository, names)
    told = [name if name in altered else within(name, snapshot) for name in names]
    return [*told, within(NO_INDEX, snapshot)] if None in chunks.damaged else told


def _altered(repository: Repository, names: Collection[str]) -> set[str]:
    """Those that are not in the store as the ledger says; all of them where nobody can tell."""
    stated: dict[str, StoredObject] = {}
    try:
        for writer in writers(repository) if names else ():
            for link in follow_chain(repository, writer):
                if link.entry is not None:
                    stated |= {item.name: item for item in link.entry.objects if item.name in names}
    except ProofkeepError:
        return set(names)
    return {name for name in names if name not in stated or not _holds(repository, stated[name])}


def _holds(repository: Repository, item: StoredObject) -> bool:
    try:
        with telling_unreadable(repository.store, item.name):
            found = read_digest(repository.store, item.name, item.version_id)
    except ProofkeepError:
        return False
    return found == (item.sha256, item.length)
