import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from proofkeep import canonical
from proofkeep.compression import Compressor
from proofkeep.errors import MalformedError
from proofkeep.format import index, ledger_entry, locks, manifest, pack, pack_set, record, table
from proofkeep.format.header import FrameKind, ObjectType, new_context, open_context
from proofkeep.format.index import Index
from proofkeep.format.ledger_entry import LedgerEntry
from proofkeep.format.locks import Locks
from proofkeep.format.manifest import Child, Entry
from proofkeep.format.names import PackId, SnapshotId
from proofkeep.format.record import Facts, LedgerHead
from proofkeep.format.table import TableWriter
from tests.properties import strategies

KEY, REPOSITORY, WRITER, KEY_ID = bytes(range(32)), b"r" * 16, b"w" * 16, b"k" * 16

Rows = list[tuple[int, int, int, list[tuple[bytes, int]]]]


def chunk_id(chunk: bytes) -> bytes:
    return hmac.digest(KEY, chunk, "sha256")


def sealed_pack(frames: list[list[bytes]], codec: int) -> bytes:
    """A pack as the engine writes it, every frame compressed (where that saves anything) or none."""
    context = new_context(KEY, ObjectType.CONTENT_PACK, REPOSITORY, WRITER, KEY_ID, 0)
    writer, sealed = TableWriter(), []
    for number, chunks in enumerate(frames):
        plain = b"".join(chunks)
        found, data = Compressor().compress(plain) if codec else (0, plain)
        sealed.append(context.seal(FrameKind.FRAME, number, len(plain), found, data))
        writer.add(len(sealed[-1]), len(plain), found, [(chunk_id(chunk), len(chunk)) for chunk in chunks])
    return b"".join((context.header_bytes, *sealed, pack.seal_end(context, writer)))


def opened_pack(data: bytes) -> list[bytes]:
    """The chunks of a whole pack in order."""
    context = open_context(KEY, data, "pack")
    rows = pack.read_table(context, data, "pack")
    plains = [
        pack.open_frame(context, frame, data[frame.offset :][: frame.sealed_length], "f") for frame in rows.frames
    ]
    return [plains[chunk.frame][chunk.offset :][: chunk.length] for chunk in rows.chunks]


@given(strategies.json_objects)
def test_canonical_json_comes_back(value: dict[str, object]) -> None:
    assert canonical.from_json(canonical.to_json(value), "value") == value


@given(strategies.json_objects)
def test_canonical_json_with_any_blank_is_refused(value: dict[str, object]) -> None:
    with pytest.raises(MalformedError):
        canonical.from_json(canonical.to_json(value) + b" ", "value")


@given(strategies.tables(), st.integers(0, 600))
def test_table_comes_back_with_any_padding(made: tuple[TableWriter, Rows], padding: int) -> None:
    writer, rows = made

    found = table.decode_table(writer.encode() + bytes(padding), "table")

    offsets = [128 + sum(row[0] for row in rows[:number]) for number in range(len(rows))]
    assert [(f.offset, f.sealed_length, f.plain_length, f.codec) for f in found.frames] == [
        (offset, *row[:3]) for offset, row in zip(offsets, rows, strict=True)
    ]
    assert [(chunk.id, chunk.length) for chunk in found.chunks] == [chunk for row in rows for chunk in row[3]]
    assert found.end == writer.end


@given(strategies.indexes(REPOSITORY, WRITER), strategies.counters)
def test_index_comes_back(content: Index, number: int) -> None:
    sealed = index.seal_index(KEY, REPOSITORY, WRITER, 1, number, content)

    assert index.open_index(KEY, REPOSITORY, WRITER, number, sealed) == content


@given(strategies.leaves())
def test_leaf_comes_back(rows: list[Entry]) -> None:
    assert manifest.decode_segment(manifest.encode_segment(0, rows), 0, "leaf") == rows


@given(strategies.inners(), st.integers(1, 7))
def test_inner_segment_comes_back(rows: list[Child], level: int) -> None:
    assert manifest.decode_segment(manifest.encode_segment(level, rows), level, "inner") == rows


@given(strategies.pack_ids())
def test_pack_set_comes_back_in_order(packs: list[PackId]) -> None:
    assert list(pack_set.decode_packs(pack_set.encode_packs(packs))) == packs


@given(strategies.pack_ids(), strategies.pack_ids())
def test_pack_set_holds_its_packs_and_no_other(packs: list[PackId], others: list[PackId]) -> None:
    rows = pack_set.encode_packs(packs)
    neighbours = [replace(each, counter=each.counter + step) for each in packs for step in (1, 9)]

    for each in (*packs, *others, *neighbours):
        assert pack_set.holds_pack(rows, each) == (each in packs)


@given(strategies.pack_ids(), strategies.pack_ids(), st.integers(1, 4))
def test_what_one_pack_set_lacks_of_another_is_told(packs: list[PackId], others: list[PackId], kept: int) -> None:
    others = sorted({*packs[::kept], *others})

    beyond = list(pack_set.packs_beyond(pack_set.encode_packs(packs), pack_set.encode_packs(others)))

    assert beyond == [pack for pack in packs if pack not in others]


@given(strategies.ledger_entries)
def test_ledger_entry_comes_back(entry: LedgerEntry) -> None:
    sealed = ledger_entry.seal_entry(KEY, REPOSITORY, entry)

    assert ledger_entry.open_entry(KEY, REPOSITORY, entry.writer, entry.sequence, sealed) == entry


@given(strategies.pack_ids(), strategies.instants, strategies.counters)
def test_locks_come_back(packs: list[PackId], until: int, number: int) -> None:
    rows = pack_set.encode_packs(packs)
    sealed = locks.seal_locks(KEY, REPOSITORY, WRITER, 1, number, Locks(rows, until))

    assert locks.open_locks(KEY, REPOSITORY, WRITER, number, sealed) == Locks(rows, until)


@given(strategies.pack_ids(), strategies.instants, st.none() | strategies.instants, st.integers(1, 2**16 - 1))
def test_facts_come_back(packs: list[PackId], source_at: int, expires_at: int | None, generation: int) -> None:
    head = LedgerHead(WRITER, 7, bytes(32))
    rows = pack_set.encode_packs(packs)
    facts = Facts(True, KEY_ID, expires_at, generation, 1, head, rows, WRITER, source_at, {"files": 1}, [(KEY_ID, 1)])  # noqa: FBT003 - the record's fields in order
    sealed = record.seal_record(KEY, REPOSITORY, WRITER, 1, facts, b"roots")

    snapshot = SnapshotId(KEY_ID, WRITER, WRITER, generation)
    assert record.open_facts(KEY, REPOSITORY, snapshot, sealed) == facts
    assert record.split_record(sealed, "record")[1] == b"roots"


@given(strategies.frames, st.integers(0, 1))
def test_pack_gives_back_its_chunks_and_has_its_padded_size(frames: list[list[bytes]], codec: int) -> None:
    sealed = sealed_pack(frames, codec)

    assert opened_pack(sealed) == [chunk for chunks in frames for chunk in chunks]
    assert pack.padded_size(len(sealed)) == len(sealed)


@given(st.integers(208, 64 << 20))
def test_padding_is_small_and_final(size: int) -> None:
    padded = pack.padded_size(size)

    assert size <= padded <= size + max(size // 8, 256 << 10)
    assert pack.padded_size(padded) == padded
