"""Where chunks lie: asked of the catalog once for many that lie together, and again when one of them does not open."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from proofkeep.catalog import Catalog, refresh
from proofkeep.errors import TruncatedError
from proofkeep.snapshots import ChunkStore, DataKeys, find_snapshot, read_packs
from proofkeep.snapshots import chunks as chunk_store
from tests.building import OPTIONS, Ground, Host, content, plant

FILES = 1200


class CountingCatalog(Catalog):
    """Counts the ids that it is asked about."""

    asked = 0

    def chunk_packs(self, ids: list[bytes]) -> dict[bytes, list[int]]:  # type: ignore[override]  # as it is called
        self.asked += len(ids)
        return super().chunk_packs(ids)


@pytest.fixture
def host(scratch: Path) -> Host:
    """One snapshot whose content lies in a single pack."""
    host = Host(Ground(scratch / "ground"), options=replace(OPTIONS, pack_size=1 << 20, spool_limit=64 << 20))
    plant(host.source, {f"many/{number:04}": content(number, 60) for number in range(FILES)})
    host.run()
    return host


@pytest.fixture
def catalog(host: Host, scratch: Path) -> Iterator[CountingCatalog]:
    with closing(CountingCatalog(scratch / "catalog")) as catalog:
        refresh(host.ground.connect(), catalog, {})
        yield catalog


@pytest.fixture
def chunks(host: Host, catalog: Catalog) -> ChunkStore:
    repository = host.ground.connect()
    chunks = ChunkStore(repository, catalog, DataKeys(repository, [host.ground.unwrapping]))
    return chunks.preferring(read_packs(repository, find_snapshot(repository, "latest").id))


@pytest.fixture
def ids(catalog: CountingCatalog) -> list[bytes]:
    """All chunks of the largest pack."""
    rows = catalog._rows(
        "SELECT id FROM chunks WHERE pack=(SELECT pack FROM chunks GROUP BY pack ORDER BY count(*) DESC)"
    )
    assert len(rows) == FILES
    return [row[0] for row in rows]


def test_catalog_is_asked_once_about_chunks_that_lie_together(
    chunks: ChunkStore, catalog: CountingCatalog, ids: list[bytes]
) -> None:
    places = chunks.locate(ids)

    assert catalog.asked == 500
    assert {identity: place.row.id for identity, place in places.items()} == {identity: identity for identity in ids}
    assert chunks.locate(ids[:7]).keys() == set(ids[:7])
    assert catalog.asked == 500


def test_tables_that_are_kept_open_are_counted_by_their_rows(
    host: Host, chunks: ChunkStore, catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(4):
        plant(host.source, {f"more/{number}": content(number, 70)})
        host.run()
    refresh(host.ground.connect(), catalog, {})
    every = [row[0] for row in catalog._rows("SELECT id FROM chunks")]
    monkeypatch.setattr(chunk_store, "MOST_ROWS", 1)

    for identity in every:
        assert chunks.locate([identity])[identity].row.id == identity
        assert len(chunks._packs) <= 2

    monkeypatch.setattr(chunk_store, "MOST_ROWS", 2 * FILES)
    assert chunks.locate(every).keys() == set(every)
    assert len(chunks._packs) > 4


def test_chunk_that_does_not_open_is_asked_for_again(
    chunks: ChunkStore, catalog: CountingCatalog, ids: list[bytes]
) -> None:
    place = chunks.locate(ids)[ids[-1]]

    assert chunks.elsewhere(place, TruncatedError("x")) is None
    assert catalog.asked == 501
    chunks.locate(ids[:7])  # of a pack in doubt nothing is taken for granted
    assert catalog.asked == 508


def test_without_a_snapshots_packs_every_chunk_is_asked_about(
    chunks: ChunkStore, catalog: CountingCatalog, ids: list[bytes]
) -> None:
    assert chunks.preferring(()).locate(ids).keys() == set(ids)
    assert catalog.asked == len(ids)
