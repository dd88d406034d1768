"""What a commit teaches the catalog of more files and chunks than it keeps in memory."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from proofkeep.backup import encrypt, teaching
from proofkeep.catalog import Catalog
from proofkeep.chunking import ChunkSizes
from tests.building import Ground, Host, content, plant, small_frames

FILES = {f"d{number % 3}/f{number}": content(number, 900 + number) for number in range(60)}
IN_A_PACK = 8


@pytest.fixture
def host(scratch: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Host]:
    monkeypatch.setattr(encrypt, "_MAX_CHUNKS", IN_A_PACK)
    monkeypatch.setattr(teaching, "_NEAR", 2 * IN_A_PACK)
    monkeypatch.setattr(teaching, "_BATCH", 7)
    host = Host(Ground(scratch / "ground", ChunkSizes()))
    plant(host.source, FILES)
    with small_frames():
        yield host


@pytest.fixture
def looked_up(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many ids each question for the packs of chunks named."""
    asked: list[int] = []
    whole = Catalog.chunk_packs

    def counting(catalog: Catalog, ids: Sequence[bytes]) -> dict[bytes, list[int]]:
        asked.append(len(ids))
        return whole(catalog, ids)

    monkeypatch.setattr(Catalog, "chunk_packs", counting)
    return asked


def test_next_backup_reads_only_what_changed(host: Host) -> None:
    host.run()
    plant(host.source, {"d1/f4": content(1000, 500)})

    receipt = host.run()

    assert receipt.totals["read_bytes"] == 500
    assert host.ground.read_back(receipt.snapshot) == host.portrait()


def test_catalog_is_asked_once_a_pack_not_once_a_file(host: Host, looked_up: list[int]) -> None:
    receipt = host.run()

    assert receipt.packs >= len(FILES) / IN_A_PACK
    assert 0 < len(looked_up) <= receipt.packs


def test_files_whose_content_lies_in_an_earlier_pack_are_remembered_too(host: Host) -> None:
    plant(host.source, {f"d2/g{number}": FILES[f"d{number % 3}/f{number}"] for number in range(0, 60, 7)})
    host.run()
    (host.source / "d0" / "f0").unlink()

    receipt = host.run()

    assert receipt.totals["read_bytes"] == 0
    assert host.ground.read_back(receipt.snapshot) == host.portrait()
