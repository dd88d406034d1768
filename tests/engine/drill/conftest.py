from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engine.drill.house import House, build, write_tree


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """A repository without snapshots, and a tree to back up."""
    with build(tmp_path) as made:
        write_tree(made.source)
        yield made


@pytest.fixture
def stored(house: House) -> House:
    """The same with the tree backed up once."""
    house.backup()
    return house
