"""A host with a snapshot, and a catalog that knows nothing of it."""

from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from proofkeep.catalog import Catalog
from tests.building import Host, planted_host


@pytest.fixture
def host(scratch: Path) -> Host:
    """A host with one snapshot."""
    host = planted_host(scratch)
    host.run()
    return host


@pytest.fixture
def empty(scratch: Path) -> Any:
    """Another host's catalog, which knows nothing yet."""
    with closing(Catalog(scratch / "other.sqlite")) as catalog:
        yield catalog
