"""Which files damaged packs cost; for the restore role, which alone can read manifests."""

from collections.abc import Iterator

from proofkeep.catalog import Catalog
from proofkeep.errors import IntegrityError, PackMissingError
from proofkeep.format.manifest import id_slices
from proofkeep.format.names import PACKS, parse_pack
from proofkeep.format.pack_set import decode_packs
from proofkeep.model import Finding
from proofkeep.repository import Repository
from proofkeep.snapshots import ChunkStore, DataKeys, list_snapshots, read_packs, walk_manifest
from proofkeep.snapshots.walk import open_roots


def affected_files(
    repository: Repository, catalog: Catalog, chunks: ChunkStore, data_keys: DataKeys, findings: list[Finding]
) -> Iterator[tuple[str, Finding]]:
    """(snapshot, finding) for each file with content in a pack that `findings` name; `path` is for the CLI only.

    Raises:
        KeyAccessError: this role may not read manifests.
    """
    packs = {parse_pack(finding.subject) for finding in findings if finding.subject.startswith(PACKS)}
    numbers = {catalog.find_pack(pack) for pack in packs}
    path_id = repository.keys.ids.path_id
    for snapshot in list_snapshots(repository)[0]:
        damage: list[Finding] = []
        try:
            referred = read_packs(repository, snapshot.id)
            if packs.isdisjoint(decode_packs(referred)):
                continue
            roots = open_roots(repository, data_keys, snapshot)
            for entry in walk_manifest(chunks.preferring(referred), roots, damage.append):
                if _is_hit(catalog, numbers, entry.chunks):
                    identity = path_id(entry.path).hex()
                    yield snapshot.id.short, Finding(PackMissingError.code, identity, "", entry.path)
        except IntegrityError as error:
            damage.append(Finding(error.code, snapshot.id.short, str(error)))
        for finding in damage:
            yield snapshot.id.short, finding


def _is_hit(catalog: Catalog, numbers: set[int | None], chunks: bytes) -> bool:
    """Whether one of a file's joined chunks lies in these packs only."""
    for ids in id_slices(chunks):
        places = catalog.chunk_packs(ids)
        if any(numbers.issuperset(places.get(identity, ())) for identity in ids):
            return True
    return False
