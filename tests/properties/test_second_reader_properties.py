"""What the engine writes, the second reader reads to the same values."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from proofkeep import canonical
from proofkeep.format import index, ledger_entry, manifest, pack, pack_set
from proofkeep.format.index import Index
from proofkeep.format.ledger_entry import LedgerEntry
from proofkeep.format.manifest import Child, Entry
from proofkeep.format.names import PackId
from tests.properties import strategies
from tests.properties.test_format_properties import KEY, REPOSITORY, WRITER, chunk_id, sealed_pack
from tests.vectors import second_reader as reader


@given(strategies.json_values)
def test_canonical_json_is_the_same(value: object) -> None:
    assert canonical.to_json(value) == reader.canonical(value)


@given(strategies.pack_values)
def test_message_pack_reads_the_same(value: object) -> None:
    assert reader.unpack(canonical.to_msgpack(value)) == value


@given(strategies.frames, st.integers(0, 1))
def test_pack_reads_the_same(frames: list[list[bytes]], codec: int) -> None:
    chunks = [chunk for frame in frames for chunk in frame]

    found = reader.open_pack(sealed_pack(frames, codec), KEY, KEY)

    assert [content for _, content in found] == chunks
    assert [row.id for row, _ in found] == [chunk_id(chunk) for chunk in chunks]


@given(st.integers(208, 64 << 20))
def test_padding_is_the_same(size: int) -> None:
    assert pack.padded_size(size) == reader.padded_size(size)


@given(strategies.indexes(REPOSITORY, WRITER))
def test_index_reads_the_same(content: Index) -> None:
    sealed = index.seal_index(KEY, REPOSITORY, WRITER, 1, 0, content)

    packs, supersedes = reader.parse_index(reader.open_body(sealed, KEY), REPOSITORY, WRITER)

    assert [(*row[:3], row.header.raw, row.size, row.retain_until) for row in packs] == [
        (row.writer, row.data_key, row.counter, row.header, row.size, row.retain_until) for row in content.packs
    ]
    assert supersedes == content.supersedes


@given(strategies.leaves())
def test_leaf_reads_the_same(rows: list[Entry]) -> None:
    level, found = reader.parse_segment(manifest.encode_segment(0, rows))

    assert level == 0
    assert [list(row) for row in found] == [lists(msgspec.structs.astuple(row)) for row in rows]


def lists(row: tuple[object, ...]) -> list[object]:
    """A struct's fields as MessagePack has them: arrays for tuples."""
    return [[list(pair) if isinstance(pair, tuple) else pair for pair in f] if isinstance(f, list) else f for f in row]


@given(strategies.inners(), st.integers(1, 7))
def test_inner_segment_reads_the_same(rows: list[Child], level: int) -> None:
    found = reader.parse_segment(manifest.encode_segment(level, rows))

    assert found == (level, [reader.Child(*msgspec.structs.astuple(row)) for row in rows])


@given(strategies.pack_ids())
def test_pack_sets_read_the_same(packs: list[PackId]) -> None:
    rows = reader.unpack(canonical.to_msgpack(pack_set.encode_packs(packs)))

    found = [(*key, counter) for key, runs in reader.pack_sets(rows).items() for run in runs for counter in run]

    assert found == [(each.writer, each.data_key, each.counter) for each in packs]


@given(strategies.ledger_entries)
def test_ledger_entry_reads_the_same(entry: LedgerEntry) -> None:
    sealed = ledger_entry.seal_entry(KEY, REPOSITORY, entry)

    found = reader.document(sealed, **reader.LEDGER)

    reader.check_mac(found, KEY)
    for stored, item in zip(found["objects"], entry.objects, strict=True):
        keyed = reader.object_mac(KEY, REPOSITORY, item.name, item.type, item.length, item.sha256)
        assert stored["hmac"] == keyed.hex()
