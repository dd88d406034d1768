import os
from itertools import pairwise
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proofkeep.drill.filesystem import available_memory, has_room, is_tmpfs, swaps
from proofkeep.drill.plan import SHARED_MEMORY, Places
from proofkeep.drill.scratch import open_scratch
from proofkeep.drill.sealed import SealedScratch, Strongroom
from proofkeep.errors import AuthenticationError, PolicyError, TargetError, TargetFullError
from proofkeep.format.manifest import Entry
from proofkeep.targets.directory import DirectoryTarget
from tests.engine.drill.house import CANARY, CANARY_NAME, MIB

CONTENT = CANARY * 1000
FILE = Entry(os.fsencode(CANARY_NAME), 0, 0o644, 0, 0, 0, len(CONTENT), b"c" * 32)


@pytest.fixture
def sealed(tmp_path: Path) -> SealedScratch:
    return SealedScratch(tmp_path)


def fill(scratch: SealedScratch, *pieces: tuple[int, bytes], entry: Entry = FILE) -> None:
    target = scratch.target("snapshot")
    file = target.create(entry)
    for position, data in pieces:
        target.write(file, position, data)
    target.finish(file)


def read(scratch: SealedScratch, entry: Entry = FILE) -> bytes:
    return b"".join(bytes(part) for part in scratch.data("snapshot", entry))


def test_statfs_tells_tmpfs_from_others() -> None:
    assert is_tmpfs(SHARED_MEMORY)
    assert not is_tmpfs(Path("/proc"))
    assert not is_tmpfs(Path("/nowhere/at/all"))


def test_name_of_memory_on_a_disk_is_not_believed(tmp_path: Path) -> None:
    places = Places(tmp_path / "evidence", DirectoryTarget, tmpfs=Path("/proc"), sealed=tmp_path / "sealed")

    scratch = open_scratch(places, 1, 1)

    assert scratch.kind == "sealed"
    scratch.destroy()


def test_memory_without_room_is_not_taken(tmp_path: Path) -> None:
    places = Places(tmp_path / "evidence", DirectoryTarget, sealed=tmp_path / "sealed")

    scratch = open_scratch(places, 1 << 60, 1)

    assert scratch.kind == "sealed"
    scratch.destroy()


def test_plaintext_is_put_nowhere_else(tmp_path: Path) -> None:
    places = Places(tmp_path / "evidence", DirectoryTarget, tmpfs=None, sealed=None)

    with pytest.raises(PolicyError, match="scratch"):
        open_scratch(places, 1, 1)


def test_memory_is_half_of_what_is_available_at_most() -> None:
    assert not has_room(SHARED_MEMORY, available_memory() // 2 + MIB, 1, in_memory=True)
    assert has_room(SHARED_MEMORY, 0, 0, in_memory=True)


def test_swap_is_told(tmp_path: Path) -> None:
    table = tmp_path / "swaps"
    heading = "Filename Type Size Used Priority\n"

    table.write_text(heading)
    assert not swaps(table)
    table.write_text(heading + "/dev/sda2 partition 1024 0 -2\n")
    assert swaps(table)
    assert swaps(tmp_path / "not-told")


def test_sealed_content_comes_back(sealed: SealedScratch) -> None:
    fill(sealed, (1000, CONTENT[1000:]), (0, CONTENT[:1000]))

    assert read(sealed) == CONTENT


def test_disk_holds_neither_content_nor_names(sealed: SealedScratch, tmp_path: Path) -> None:
    fill(sealed, (0, CONTENT))

    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert [path.name for path in files] == ["content"]
    stored = files[0].read_bytes()
    assert len(stored) > len(CONTENT)
    assert CANARY not in stored
    assert CANARY_NAME.encode() not in stored


def test_destroyed_scratch_is_gone_and_its_key_with_it(sealed: SealedScratch, tmp_path: Path) -> None:
    fill(sealed, (0, CONTENT))
    data = sealed.data("snapshot", FILE)

    method, gone = sealed.destroy()

    assert gone
    assert "key forgotten" in method
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(TargetError):
        next(iter(data))
    with pytest.raises(TargetError):
        read(sealed)


def test_altered_disk_does_not_pass(sealed: SealedScratch, tmp_path: Path) -> None:
    fill(sealed, (0, CONTENT))
    (file,) = tmp_path.rglob("content")
    with file.open("r+b") as stream:
        stream.seek(500)
        stream.write(b"!")

    with pytest.raises(AuthenticationError):
        read(sealed)


def test_piece_of_another_file_does_not_pass(sealed: SealedScratch) -> None:
    other = Entry(b"other", 0, 0o644, 0, 0, 0, len(CONTENT), b"c" * 32)
    fill(sealed, (0, CONTENT))
    fill(sealed, (0, CONTENT), entry=other)
    trees = sealed._trees["snapshot"]
    trees[b"other"].pieces = trees[FILE.path].pieces

    with pytest.raises(AuthenticationError):
        read(sealed, other)


@pytest.mark.parametrize(
    "pieces",
    [
        pytest.param([(0, CONTENT[:10])], id="too little"),
        pytest.param([(0, CONTENT[:10]), (11, CONTENT[11:])], id="gap"),
        pytest.param([(0, CONTENT[:10]), (9, CONTENT[9:])], id="overlap"),
        pytest.param([(0, CONTENT), (len(CONTENT), b"more")], id="too much"),
        pytest.param([], id="nothing"),
    ],
)
def test_file_without_all_of_its_content_is_refused(sealed: SealedScratch, pieces: list[tuple[int, bytes]]) -> None:
    with pytest.raises(TargetError):
        fill(sealed, *pieces)


@given(st.lists(st.integers(1, len(CONTENT) - 1), unique=True, max_size=8), st.randoms(use_true_random=False))
def test_pieces_may_come_in_any_order(tmp_path_factory: pytest.TempPathFactory, cuts: list[int], order: Random) -> None:
    scratch = SealedScratch(tmp_path_factory.mktemp("sealed"))
    edges = [0, *sorted(cuts), len(CONTENT)]
    pieces = [(start, CONTENT[start:end]) for start, end in pairwise(edges)]
    order.shuffle(pieces)

    fill(scratch, *pieces)

    assert read(scratch) == CONTENT
    scratch.destroy()


def test_full_disk_is_said(sealed: SealedScratch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "pwrite", lambda *_: full_disk())

    with pytest.raises(TargetFullError):
        fill(sealed, (0, CONTENT))


def test_sealed_file_that_cannot_be_made_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Strongroom, "__init__", lambda *_: full_disk())

    with pytest.raises(TargetFullError):
        SealedScratch(tmp_path)

    assert list(tmp_path.iterdir()) == []


def full_disk() -> int:
    raise OSError(28, "No space left on device")
