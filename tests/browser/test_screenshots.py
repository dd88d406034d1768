"""A finished backup in the Prefect UI, seen by a browser: what the screenshots of the docs are made of."""

import sys
from pathlib import Path

import pytest
from PIL import Image

from tests.demo.demo import Demo
from tests.demo.newcomer import Newcomer

SIZES = {"backup-run.png": (1400, 860), "backup-card.png": (1760, 1040)}


@pytest.mark.requires("chromium")
def test_finished_backup_is_drawn_with_its_steps_and_its_card(newcomer: Newcomer, tmp_path: Path) -> None:
    taken = newcomer.demo.call(sys.executable, "-m", "infra.screenshots", str(tmp_path / "images"))

    assert taken.returncode == 0, taken.stderr
    assert {path.name: _size(path) for path in (tmp_path / "images").iterdir()} == SIZES


def _size(path: Path) -> tuple[int, int]:
    with Image.open(path) as picture:
        return picture.size


@pytest.mark.requires("chromium")
def test_no_picture_is_taken_where_there_is_no_backup(tmp_path: Path) -> None:
    demo = Demo(tmp_path / "demo")
    (demo.directory).mkdir()
    (demo.directory / "thesis").touch()

    taken = demo.call(sys.executable, "-m", "infra.screenshots", str(tmp_path / "images"))

    assert taken.returncode == 1
    assert not (tmp_path / "images").exists()
