"""What a commit teaches the catalog of more files and chunks than it keeps in memory."""

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import pytest

from proofkeep.backup import encrypt, teaching
from proofkeep.catalog import Catalog, FileState
from proofkeep.catalog.states import States
from proofkeep.chunking import ChunkSizes
from proofkeep.format.manifest import ID_SIZE, id_slices
from tests.building import Ground, Host, content, plant, small_frames

FILES = {f"d{number % 3}/f{number}": content(number, 900 + number) for number in range(60)}
IN_A_PACK = 8


@pytest.fixture
def host(scratch: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Host]:
    monkeypatch.setattr(encrypt, "_MAX_CHUNKS", IN_A_PACK)
    monkeypatch.setattr(teaching, "_NEAR", 2 * IN_A_PACK)
    monkeypatch.setattr(teaching, "_BATCH", 7)
    monkeypatch.setattr(teaching, "_SEGMENTS", 1)
    host = Host(Ground(scratch / "ground", ChunkSizes()))
    plant(host.source, FILES)
    with small_frames():
        yield host


@pytest.fixture
def long_files(host: Host, monkeypatch: pytest.MonkeyPatch) -> Host:
    """Tiny chunks, of which a few are looked for at a time; more than a batch takes in any one file."""
    monkeypatch.setattr(teaching, "id_slices", partial(id_slices, most=IN_A_PACK))
    monkeypatch.setattr(teaching, "_BATCH_BYTES", IN_A_PACK * ID_SIZE)
    monkeypatch.setattr(teaching, "_BATCH", 1 << 14)
    small = Host(Ground(host.ground.root / "small"))
    plant(small.source, {f"long{number}": content(number, 20_000) for number in range(5)} | {"short": b"short"})
    return small


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


def test_long_files_are_looked_for_a_slice_at_a_time(long_files: Host, looked_up: list[int]) -> None:
    long_files.run()
    at_the_commit = list(looked_up)

    receipt = long_files.run()

    assert 0 < max(at_the_commit) <= IN_A_PACK
    assert receipt.totals["read_bytes"] == 0
    assert long_files.ground.read_back(receipt.snapshot) == long_files.portrait()


def test_states_of_long_files_are_handed_on_before_there_are_many(
    long_files: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    batches: list[int] = []
    hold = States.hold_file_states

    def counting(catalog: States, entry: bytes, states: list[tuple[bytes, FileState]]) -> None:
        batches.append(len(states))
        hold(catalog, entry, states)

    monkeypatch.setattr(States, "hold_file_states", counting)

    long_files.run()

    assert batches == [1] * 5
