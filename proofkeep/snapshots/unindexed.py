"""Packs that no index names any more: the table each of them ends in says what it holds. Needs the restore role."""

from collections.abc import Iterable

from proofkeep import events
from proofkeep.catalog import Catalog
from proofkeep.crypto.sealing import OVERHEAD
from proofkeep.errors import LOST, MalformedError
from proofkeep.format import header, pack
from proofkeep.format.header import SIZE, FrameKind, ObjectType
from proofkeep.format.index import PackRow
from proofkeep.format.names import PackId
from proofkeep.format.sizes import MAX_PACK
from proofkeep.format.table import decode_table
from proofkeep.repository import Repository
from proofkeep.repository.local_rows import seal_row
from proofkeep.repository.stored import fetch
from proofkeep.snapshots.data_keys import DataKeys

_TYPES = (ObjectType.CONTENT_PACK, ObjectType.SEGMENT_PACK)


def learn_from_tables(repository: Repository, catalog: Catalog, data_keys: DataKeys, packs: Iterable[PackId]) -> int:
    """Teach the catalog those packs that it does not know, for reading only; how many it learned.

    Raises:
        KeyAccessError, StoreError, TransportError: of the kind met; a pack that is gone or damaged is passed over.
    """
    learned = 0
    for identity in packs:
        if catalog.find_pack(identity) is not None:
            continue
        try:
            row = _read_row(repository, data_keys, identity)
        except LOST as error:
            events.emit("pack-unindexed", outcome="failure", pack=identity.name, code=error.code)
            continue
        ids = [chunk.id for chunk in decode_table(row.table, identity.name).chunks]
        catalog.add_pack(row, ids, seal_row(repository, row.table), indexed=False)
        events.emit("pack-unindexed", pack=identity.name, chunks=len(ids))
        learned += 1
    return learned


def _read_row(repository: Repository, data_keys: DataKeys, identity: PackId) -> PackRow:
    """What an index would say of a pack, from its header, trailer and table: three ranged reads."""
    store, name = repository.store, identity.name
    size = store.stat(name).size
    if size > MAX_PACK:
        raise MalformedError(f"pack {name} has {size} bytes, beyond the limit")
    head = fetch(store, name, length=SIZE)
    context = header.open_context(data_keys(identity.writer, identity.data_key), head, name)
    place = {"repository": repository.id, "writer": identity.writer, "key_id": identity.data_key}
    header.expect(context.header, name, types=_TYPES, number=identity.counter, **place)
    end = fetch(store, name, offset=max(0, size - pack.TRAILER_SEALED))
    offset, length, frames, chunks = pack.read_trailer(context, end, size, name)
    sealed = fetch(store, name, offset=offset, length=length + OVERHEAD)
    plain = context.open(FrameKind.TABLE, 0, length, 0, sealed, f"table of {name}")
    table = decode_table(plain, name)
    if (len(table.frames), len(table.chunks), table.end) != (frames, chunks, offset):
        raise MalformedError(f"table of {name} differs from its trailer")
    return PackRow(identity.writer, identity.data_key, identity.counter, head, size, None, plain)
