"""The only place that makes random models of the format."""

from typing import Any

from hypothesis import strategies as st

from proofkeep.format.index import Index, PackRow
from proofkeep.format.ledger_entry import LedgerEntry, StoredObject
from proofkeep.format.manifest import CONTINUATION, Child, Entry, order
from proofkeep.format.names import PackId
from proofkeep.format.table import TableWriter
from proofkeep.model import Kind, TlsSession

MICROSECOND = 1000
LAST_INSTANT = 4_102_444_800 * 10**6  # the year 2100, in microseconds
SHORT = 40

ids = st.binary(min_size=16, max_size=16)
digests = st.binary(min_size=32, max_size=32)
counters = st.integers(0, 2**32 - 1)
instants = st.integers(0, LAST_INSTANT).map(lambda microseconds: microseconds * MICROSECOND)
texts = st.text(max_size=SHORT)

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)
json_objects = st.dictionaries(texts, json_values, max_size=6)

scalars = st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | texts | st.binary(max_size=SHORT)


def nested(leaf: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Arrays and maps of these leaves, or one alone."""
    return st.recursive(
        leaf, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4), max_leaves=12
    )


pack_values = nested(scalars)
any_pack_values = nested(scalars | st.floats())  # a float is MessagePack and none of ours


def places(value: object, here: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """The place of every value inside nested maps and arrays, the outermost first."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [here, *(place for name, member in inner for place in places(member, (*here, name)))]


def put(value: Any, place: tuple[str | int, ...], new: object) -> Any:
    """The value with something else at one place."""
    if not place:
        return new
    copy = value.copy()
    copy[place[0]] = put(value[place[0]], place[1:], new)
    return copy


def with_one_thing_else(value: object, others: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """The value with any one part of it, however deep, replaced."""
    return st.builds(put, st.just(value), st.sampled_from(places(value)[1:]), others)


frames = st.lists(st.lists(st.binary(min_size=1, max_size=300), min_size=1, max_size=4), min_size=1, max_size=4)


@st.composite
def tables(draw: st.DrawFn) -> tuple[TableWriter, list[tuple[int, int, int, list[tuple[bytes, int]]]]]:
    """A table as it is written, and the rows that went in: sealed length, plain length, codec, chunks."""
    writer = TableWriter()
    rows = []
    for _ in range(draw(st.integers(1, 5))):
        chunks = draw(st.lists(st.tuples(digests, st.integers(1, 1000)), min_size=1, max_size=4))
        plain = sum(length for _, length in chunks)
        codec = draw(st.integers(0, 1))
        sealed = plain + 28 if codec == 0 else draw(st.integers(29, plain + 28))
        rows.append((sealed, plain, codec, chunks))
        writer.add(sealed, plain, codec, chunks)
    return writer, rows


component = st.binary(min_size=1, max_size=6).filter(lambda name: name not in {b".", b".."} and not {0, 47} & set(name))
paths = st.lists(component, min_size=1, max_size=3).map(b"/".join)


@st.composite
def entries(draw: st.DrawFn, path: bytes) -> Entry:
    """One manifest entry of any kind; only files have content."""
    kind = draw(st.sampled_from(Kind))
    chunks = b"".join(draw(st.lists(digests, max_size=3))) if kind is Kind.FILE else b""
    return Entry(
        path,
        kind,
        draw(st.integers(0, 0o7777)),
        draw(st.integers(0, 2**32 - 2)),
        draw(st.integers(0, 2**32 - 2)),
        draw(st.integers(-(2**63), 2**63 - 1)),
        draw(st.integers(0, 2**63 - 1)) if kind is Kind.FILE else 0,
        chunks=chunks,
        target=draw(st.binary(max_size=SHORT)),
        hardlink=draw(st.just(b"") | ids),
        xattrs=draw(st.lists(st.tuples(st.binary(max_size=SHORT), st.binary(max_size=SHORT)), max_size=2)),
        rdev=draw(st.integers(0, 2**63 - 1)),
        owner=draw(st.binary(max_size=SHORT)),
        group=draw(st.binary(max_size=SHORT)),
        unread=draw(texts),
    )


@st.composite
def leaves(draw: st.DrawFn) -> list[Entry]:
    """Rows of a leaf in walk order, continuations among them."""
    rows: list[Entry] = []
    for path in sorted(draw(st.sets(paths, min_size=1, max_size=6)), key=order):
        rows.append(draw(entries(path)))
        if rows[-1].kind == Kind.FILE and draw(st.booleans()):
            chunks = b"".join(draw(st.lists(digests, min_size=1, max_size=3)))
            rows.append(Entry(path, CONTINUATION, 0, 0, 0, 0, 0, chunks=chunks))
    return rows


@st.composite
def inners(draw: st.DrawFn) -> list[Child]:
    """Rows of an inner segment: children whose ranges follow each other."""
    ends = sorted(draw(st.sets(paths, min_size=2, max_size=8)), key=order)
    pairs = zip(ends[::2], ends[1::2], strict=False)
    counts = st.integers(0, 2**53)
    return [Child(draw(digests), draw(st.integers(1, 2**23)), *pair, draw(counts), draw(counts)) for pair in pairs]


@st.composite
def pack_ids(draw: st.DrawFn) -> list[PackId]:
    """Packs in the order of their names: runs, gaps and single ones."""
    found = set()
    for writer, data_key in draw(st.sets(st.tuples(ids, ids), max_size=3)):
        for first in draw(st.lists(st.integers(0, 3000), min_size=1, max_size=4)):
            found |= {PackId(writer, data_key, first + step) for step in range(draw(st.integers(1, 40)))}
    return sorted(found)


stored_objects = st.builds(
    StoredObject,
    name=st.text("abcdef0123456789/", min_size=1, max_size=SHORT),
    type=st.sampled_from(["pack", "key", "index", "record"]),
    length=st.integers(0, 2**40),
    sha256=digests,
    version_id=st.none() | texts,
    uploaded_at_ns=instants,
    verified_at_ns=instants,
    verified_by=st.sampled_from(["store", "read-back"]),
    attempts=st.integers(1, 9),
    tls=st.none() | st.builds(TlsSession, texts, texts, texts),
)

ledger_entries = st.builds(
    LedgerEntry,
    writer=ids,
    sequence=counters,
    epoch=counters,
    at_ns=instants,
    kind=st.sampled_from(["transfer", "index", "close"]),
    previous=digests,
    objects=st.lists(stored_objects, max_size=3).map(tuple),
    run=json_objects,
    session=st.none() | json_objects,
    heads=st.dictionaries(ids, st.tuples(counters, digests), max_size=3),
)


@st.composite
def indexes(draw: st.DrawFn, repository: bytes, writer: bytes) -> Index:
    """Rows of one writer's packs, each with a header of its own."""
    rows = []
    for counter in draw(st.lists(counters, max_size=3)):
        data_key, (table, _) = draw(ids), draw(tables())
        fields = b"PKep\x00\x01\x00\x01" + repository + writer + data_key + counter.to_bytes(8, "big")
        head = fields + draw(digests) + draw(digests)
        until = draw(st.none() | instants)
        rows.append(PackRow(writer, data_key, counter, head, draw(st.integers(0, 2**26)), until, table.encode()))
    return Index(rows, draw(st.lists(counters, max_size=3)))
