import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from proofkeep.descent import DIRECTORY, Descent
from tests.engine.descriptors import open_descriptors

DEPTH = 40
HELD = 4


@pytest.fixture
def descent(tmp_path: Path) -> Iterator[Descent]:
    (tmp_path / "/".join(["d"] * DEPTH)).mkdir(parents=True)
    (tmp_path / "other").mkdir()
    place = Descent(os.open(tmp_path, DIRECTORY), held=HELD)
    yield place
    place.close()


def deep(depth: int) -> bytes:
    return b"/".join([b"d"] * depth)


def is_at(descent: Descent, place: Path) -> bool:
    return os.fstat(descent.current()).st_ino == place.stat().st_ino


def test_descent_reaches_a_directory_and_comes_back(descent: Descent, tmp_path: Path) -> None:
    descent.enter(deep(DEPTH))
    assert is_at(descent, tmp_path / os.fsdecode(deep(DEPTH)))

    for depth in range(DEPTH - 1, -1, -1):
        descent.up()

        assert is_at(descent, tmp_path / os.fsdecode(deep(depth)))


def test_descent_holds_few_descriptors_however_deep(descent: Descent) -> None:
    before = open_descriptors()

    descent.enter(deep(DEPTH))

    assert open_descriptors() - before == HELD


def test_descent_moves_between_siblings(descent: Descent, tmp_path: Path) -> None:
    descent.enter(deep(3))

    descent.enter(b"other")

    assert is_at(descent, tmp_path / "other")
    assert descent.approach(b"other/new/er") == [b"new", b"er"]


def test_descent_follows_no_link(descent: Descent, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("d")

    with pytest.raises(NotADirectoryError):
        descent.enter(b"link")

    assert is_at(descent, tmp_path)


def test_directory_swapped_for_a_link_above_is_noticed_on_the_way_back(descent: Descent, tmp_path: Path) -> None:
    descent.enter(deep(DEPTH))
    (tmp_path / "d").rename(tmp_path / "moved")
    (tmp_path / "d").symlink_to("moved")
    for _ in range(HELD):
        descent.up()

    with pytest.raises(NotADirectoryError):
        descent.current()


def test_failed_step_leaves_the_place_as_it_was(descent: Descent, tmp_path: Path) -> None:
    descent.enter(deep(2))

    with pytest.raises(FileNotFoundError):
        descent.down(b"missing")

    assert is_at(descent, tmp_path / "d/d")


def test_closing_leaves_no_descriptor(tmp_path: Path) -> None:
    subprocess.run(["mkdir", "-p", tmp_path / "a/b/c"], check=True)
    before = open_descriptors()
    descent = Descent(os.open(tmp_path, DIRECTORY), held=HELD)
    descent.enter(b"a/b/c")

    descent.close()
    descent.close()

    assert open_descriptors() == before
