import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proofkeep.catalog import Catalog, refresh
from proofkeep.drill.digests import Digester, data_places, fit
from proofkeep.errors import IntegrityError
from proofkeep.model import Finding, Kind
from proofkeep.snapshots import ChunkStore, DataKeys, find_snapshot, walk_manifest
from proofkeep.snapshots.walk import open_roots
from tests.engine.drill.house import CHUNKS, MIB, House

EDGES = (CHUNKS.minimum, CHUNKS.average, CHUNKS.maximum, 8 * MIB)


def write_sizes(source: Path) -> None:
    for size in sorted({edge + step for edge in EDGES for step in (-1, 0, 1)} | {1, 2, 11 * MIB, 17 * MIB + 5}):
        (source / f"random-{size}").write_bytes(os.urandom(size))
    (source / "zeros").write_bytes(bytes(9 * MIB))
    (source / "repeating").write_bytes(b"one line of text\n" * 400_000)
    with (source / "hole").open("wb") as hole:
        hole.truncate(5 * MIB)


def test_plaintext_gives_the_digest_of_its_manifest(house: House) -> None:
    write_sizes(house.source)
    house.backup()
    catalog = Catalog(house.drill_state.catalog_file)
    refresh(house.repository, catalog, {})
    keys = DataKeys(house.repository, house.providers)
    roots = open_roots(house.repository, keys, find_snapshot(house.repository, "latest"))
    digester = Digester(house.repository)

    compared = 0
    damage: list[Finding] = []
    for entry in walk_manifest(ChunkStore(house.repository, catalog, keys), roots, damage.append):
        if entry.kind != Kind.FILE:
            continue
        content = (house.source / os.fsdecode(entry.path)).read_bytes()
        data = (
            content[start : start + length] for start, length in data_places(entry.size, entry.extents, entry.chunks)
        )
        expected = house.repository.keys.ids.file_digest(entry.size, entry.extents, entry.chunks)
        assert digester.digest(entry.size, entry.extents, data) == expected, entry.path
        compared += 1

    catalog.close()
    assert damage == []
    assert compared == sum(path.is_file() and not path.is_symlink() for path in house.source.rglob("*")) == 36


@pytest.mark.parametrize("part", [1, 4093, MIB])
def test_digest_does_not_depend_on_how_data_arrives(house: House, part: int) -> None:
    content = os.urandom(3 * CHUNKS.maximum + 77)
    digester = Digester(house.repository)
    whole = digester.digest(len(content), (), [content])

    parts = digester.digest(len(content), (), (content[i : i + part] for i in range(0, len(content), part)))

    assert parts == whole


def test_one_flipped_bit_gives_another_digest(house: House) -> None:
    content = bytearray(os.urandom(3 * CHUNKS.maximum))
    digester = Digester(house.repository)
    before = digester.digest(len(content), (), [bytes(content)])
    content[CHUNKS.maximum] ^= 1

    assert digester.digest(len(content), (), [bytes(content)]) != before


@st.composite
def layouts(draw: st.DrawFn) -> tuple[bytes, list[tuple[int, bytes]], list[tuple[int, int]]]:
    """A small file, the pieces a filesystem reports of it, and the places a manifest says its data has."""
    size = draw(st.integers(0, 40))
    kept = draw(st.lists(st.booleans(), min_size=size, max_size=size))
    content = bytes(draw(st.integers(0, 2)) if keep else 0 for keep in kept)
    pieces = [(place, content[place : place + length]) for place, length in _runs(kept, draw)]
    placed = draw(st.lists(st.booleans(), min_size=size, max_size=size))
    return content, pieces, _runs(placed, draw)


def _runs(flags: list[bool], draw: st.DrawFn) -> list[tuple[int, int]]:
    """Runs of set flags, some of them cut in two."""
    runs: list[tuple[int, int]] = []
    for place, flag in enumerate(flags):
        if not flag:
            continue
        if runs and sum(runs[-1]) == place and draw(st.booleans()):
            runs[-1] = runs[-1][0], runs[-1][1] + 1
        else:
            runs.append((place, 1))
    return runs


@given(layouts())
def test_fitted_bytes_are_those_of_the_places(
    layout: tuple[bytes, list[tuple[int, bytes]], list[tuple[int, int]]],
) -> None:
    content, pieces, places = layout
    inside = {place for start, length in places for place in range(start, start + length)}
    stray = any(byte for place, byte in enumerate(content) if place not in inside)

    def fitted() -> bytes:
        return b"".join(bytes(part) for part in fit(pieces, places))

    if stray:
        with pytest.raises(IntegrityError):
            fitted()
    else:
        assert fitted() == b"".join(content[start : start + length] for start, length in places)


def test_holes_wider_than_the_buffer_of_zeros() -> None:
    places = [(0, 3 * MIB), (5 * MIB, 2 * MIB + 1)]

    fitted = b"".join(bytes(part) for part in fit([(MIB, b"x")], places))

    assert fitted == bytes(MIB) + b"x" + bytes(2 * MIB - 1) + bytes(2 * MIB + 1)
