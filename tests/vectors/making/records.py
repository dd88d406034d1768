"""Vectors of section 10: snapshot records, pack sets, and records that another one withdraws."""

from collections.abc import Iterator
from typing import Any

from tests.vectors.making.encoding import pack
from tests.vectors.making.ledgers import facts_members, record, record_name, roots_members
from tests.vectors.making.vector import Vector
from tests.vectors.making.world import DATA_KEY, INDEX_KEY, OTHER_RUN, REPOSITORY, segment_id

ROOT = [b"", segment_id(b"a segment"), 9, 0, 1, 0]


def vector(
    name: str, section: int, comment: str, facts: Any, roots: Any, expect: str = "ok", place: str | None = None
) -> Vector:
    inputs = {
        "name": place or record_name(),
        "repository": REPOSITORY,
        "index_key": INDEX_KEY,
        "data_key": DATA_KEY,
        "object": record("record", facts, roots),
    }
    return Vector(
        name, section, "record", comment, inputs, {"facts": facts, "roots": roots} if expect == "ok" else None, expect
    )


def pack_sets() -> Iterator[Vector]:
    def of(name: str, comment: str, value: Any, runs: list[list[int]] | None) -> Vector:
        result = None if runs is None else {"runs": runs}
        return Vector(
            name, 10, "pack_set", comment, {"set": pack(value)}, result, "malformed" if runs is None else "ok"
        )

    yield of(
        "pack_set_runs", "Counters 0 to 2, 5, and 300 to 999.", [0, 3, 2, 1, 294, 700], [[0, 3], [5, 1], [300, 700]]
    )
    yield of("pack_set_bitmap", "Counters 1, 7, 8 and 16.", bytes([0x82, 0x01, 0x01]), [[1, 1], [7, 2], [16, 1]])
    yield of("pack_set_malformed", "A run of no packs.", [0, 3, 2, 0], None)


def vectors() -> Iterator[Vector]:
    """All vectors of this module."""
    facts, roots = facts_members(), roots_members([ROOT])
    yield vector("record", 10, "A record with one root.", facts, roots)
    comment = "A record under the name of another run."
    yield vector("record_swapped_run", 2, comment, facts, roots, "authentication", record_name(OTHER_RUN))
    foreign = roots_members([ROOT], run=OTHER_RUN)
    yield vector(
        "roots_of_another_record", 10, "Roots of another run behind these facts.", facts, foreign, "authentication"
    )
    yield from pack_sets()
    later = facts_members(run=OTHER_RUN, withdraws=[[facts["run"], 1]])
    records = {
        record_name(): record("record", facts, roots),
        record_name(OTHER_RUN): record("later record", later, roots_members([ROOT], run=OTHER_RUN)),
    }
    inputs = {"repository": REPOSITORY, "index_key": INDEX_KEY, "records": records}
    comment = "Two records; the second withdraws the first."
    yield Vector("record_withdrawn", 10, "offered", comment, inputs, {"records": [record_name(OTHER_RUN)]})
