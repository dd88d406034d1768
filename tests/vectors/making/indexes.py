"""Vectors of section 8: index objects and when they count."""

from collections.abc import Iterator, Sequence
from typing import Any

from tests.vectors.making.ledgers import chain, stored
from tests.vectors.making.packs import PLAIN, TWO_FRAMES
from tests.vectors.making.sealing import Frame, Object, Pack, index_object
from tests.vectors.making.vector import Vector
from tests.vectors.making.world import AT_NS, DAY_NS, INDEX_KEY, OTHER_WRITER, REPOSITORY, WRITER, stores

ROWS = [PLAIN.index_row(), TWO_FRAMES.index_row(AT_NS + 30 * DAY_NS)]


def index_name(number: int = 0, writer: bytes = WRITER) -> str:
    return f"index/{writer.hex()}/{number:08x}"


def vector(name: str, comment: str, data: bytes, rows: Sequence[Any] = (), expect: str = "ok") -> Vector:
    inputs = {"name": index_name(), "repository": REPOSITORY, "index_key": INDEX_KEY, "object": data}
    result = {"packs": list(rows), "supersedes": []} if expect == "ok" else None
    return Vector(name, 8, "index_object", comment, inputs, result, expect)


def vectors() -> Iterator[Vector]:
    """All vectors of this module."""
    yield vector("index", "Two packs, one of them locked.", index_object(ROWS), ROWS)
    one = index_object(ROWS, number=1)
    swapped = vector("index_swapped_number", "Index object 1 under the name of 0.", one, expect="authentication")
    yield Vector(swapped.name, 2, swapped.function, swapped.comment, swapped.inputs, None, swapped.expect)
    foreign = Pack(Object("foreign pack", writer=OTHER_WRITER), [Frame([b"foreign"])]).index_row()
    comment = "The second row, and its header, are of another writer."
    yield vector("index_foreign_writer", comment, index_object([ROWS[0], foreign]), expect="authentication")
    mixed = [*ROWS[1][:3], ROWS[0][3], *ROWS[1][4:]]
    comment = "The second row holds the first one's header."
    yield vector("index_header_of_another_pack", comment, index_object([ROWS[0], mixed]), expect="authentication")
    named, unnamed = index_object(ROWS[:1]), index_object(ROWS[1:], number=1)
    ledger = chain(("index", [stored(index_name(), "index", named)]))
    inputs = stores({index_name(): named, index_name(1): unnamed}, ledger)
    comment = "Two index objects; the ledger names the first."
    yield Vector("index_not_in_ledger", 8, "catalog", comment, inputs, {"packs": [PLAIN.name]})
    foreign_ledger = chain(("index", [stored(index_name(), "index", named)]), writer=OTHER_WRITER.hex())
    inputs = stores({index_name(): named}, foreign_ledger)
    comment = "An index object that another writer's ledger names."
    yield Vector("index_in_foreign_ledger", 8, "catalog", comment, inputs, {"packs": []})
