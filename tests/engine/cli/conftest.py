"""Places to run the command line in."""

import shutil
from pathlib import Path

import pytest

from tests.engine.cli.places import Place


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a protected wrapping key, a host secret and an empty repository, for tests to copy."""
    place = Place(tmp_path_factory.mktemp("made"))
    place.configure()
    place.make_keys()
    place.done("init")
    return place.root


@pytest.fixture
def place(tmp_path: Path, made: Path) -> Place:
    """Configuration, keys and a source; no repository yet."""
    place = Place(tmp_path)
    place.configure()
    for name in ("key.pem", "host.secret"):
        shutil.copy(made / name, tmp_path / name)
    place.fill_source()
    return place


@pytest.fixture
def repository(place: Place, made: Path) -> Place:
    """The same with an empty repository."""
    for name in ("store", "ledger"):
        shutil.copytree(made / name, place.root / name)
    return place
