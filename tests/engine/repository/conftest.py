from pathlib import Path

import pytest

from tests.engine.repository.places import Site


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """Stores, keys and a host secret, with no repository yet."""
    return Site(tmp_path / "site")
