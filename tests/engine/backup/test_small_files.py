"""Files of one chunk, which are read in one go, and what a run knows of its many chunks."""

from contextlib import closing
from pathlib import Path

import pytest

from proofkeep.backup import known
from proofkeep.catalog import Catalog
from proofkeep.chunking import ChunkSizes
from proofkeep.model import Node
from proofkeep.slabs import Piece
from proofkeep.sources.directory import DirectorySource
from tests.building import Ground, Host, content, plant

SMALL = {f"d{number % 3}/small{number}": content(number % 20, 500 + number % 20) for number in range(60)}


@pytest.fixture
def host(scratch: Path) -> Host:
    host = Host(Ground(scratch / "ground", ChunkSizes()))
    plant(host.source, SMALL)
    return host


class RefusingSource(DirectorySource):
    """Reads no file at once, and leaves rubbish where it should be."""

    def read_whole(self, node: Node, buffer: memoryview) -> bool:
        buffer[:] = bytes(255 for _ in range(node.size))
        return False


def test_small_files_are_read_back_as_they_were(host: Host) -> None:
    receipt = host.run()

    assert host.ground.read_back(receipt.snapshot) == host.portrait()
    assert receipt.totals["read_bytes"] == receipt.totals["bytes"]


def test_files_that_are_not_read_at_once_are_opened_and_nothing_else_of_them_stays(host: Host) -> None:
    receipt = host.run(source=RefusingSource(host.source, label="refusing"))

    assert host.ground.read_back(receipt.snapshot) == host.portrait()
    assert receipt.totals["read_bytes"] == receipt.totals["bytes"]


def test_chunk_counts_as_new_once_also_when_more_are_on_their_way_than_memory_takes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(known, "_IN_MEMORY", 3)
    pieces = [Piece(bytes([number]) * 32, 0, 1) for number in range(20)]

    with closing(Catalog(tmp_path / "catalog")) as catalog, closing(known.Known(catalog, None)) as chunks:
        new = [chunks.keep_new(pieces[start : start + 7]) for start in (0, 5, 10, 0, 13)]

    assert [len(each) for each in new] == [7, 5, 5, 0, 3]
    assert [piece for each in new for piece in each] == pieces
