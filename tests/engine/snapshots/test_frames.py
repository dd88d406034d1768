"""Frames of a manifest: two of them are kept, and that is enough for a walk."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from proofkeep.catalog import Catalog, refresh
from proofkeep.format.manifest import decode_segment
from proofkeep.snapshots import ChunkStore, DataKeys, find_snapshot
from proofkeep.snapshots.walk import open_roots, walk_manifest
from tests.building import Ground, Host, content, plant, small_frames

FILES = 300


@pytest.fixture
def host(scratch: Path) -> Host:
    """One snapshot whose manifest has a segment for every few files, and a frame for a few segments."""
    host = Host(Ground(scratch / "ground"))
    plant(host.source, {f"{number:04}": content(number, 40) for number in range(FILES)})
    with small_frames(), patch.multiple("proofkeep.backup.segments", LEAST=1 << 10, MOST=1 << 10):
        host.run()
    return host


@pytest.fixture
def chunks(host: Host, scratch: Path) -> Iterator[ChunkStore]:
    repository = host.ground.connect()
    with closing(Catalog(scratch / "catalog")) as catalog:
        refresh(repository, catalog, {})
        yield ChunkStore(repository, catalog, DataKeys(repository, [host.ground.unwrapping]))


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """Pack and offset of every frame that is read."""
    frames: list[tuple[int, int]] = []
    read_frames = ChunkStore.read_frames

    def counted(chunks: ChunkStore, number: int, wanted: Any) -> Any:
        frames.extend((number, frame.offset) for frame in wanted)
        return read_frames(chunks, number, wanted)

    monkeypatch.setattr(ChunkStore, "read_frames", counted)
    return frames


def test_walk_keeps_two_frames_and_reads_one_again_only_behind_a_segment_above(
    host: Host, chunks: ChunkStore, read: list[tuple[int, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    levels: list[int] = []

    def noted(data: bytes, level: int, subject: str) -> Any:
        levels.append(level)
        return decode_segment(data, level, subject)

    monkeypatch.setattr("proofkeep.snapshots.walk.decode_segment", noted)
    repository = host.ground.connect()
    snapshot = find_snapshot(repository, "latest")
    roots = open_roots(repository, DataKeys(repository, [host.ground.unwrapping]), snapshot)

    files = sum(1 for _ in walk_manifest(chunks, roots, lambda found: pytest.fail(str(found))))

    above = sum(level > 0 for level in levels)
    assert files == FILES + 1
    assert len(chunks._frames) == 2
    assert 0 < above < len(levels) / 5
    assert len(set(read)) > 5
    assert len(read) <= len(set(read)) + 2 * above


def test_frame_that_a_walk_comes_back_to_is_kept(chunks: ChunkStore, read: list[tuple[int, int]]) -> None:
    every = [row[0] for row in chunks._catalog._rows("SELECT id FROM chunks")]
    by_frame = {(place.pack, place.row.frame): identity for identity, place in chunks.locate(every).items()}
    base, *nights = by_frame.values()

    for night in nights:
        chunks.read(base)
        chunks.read(night)

    assert len(read) == len(by_frame) > 5
