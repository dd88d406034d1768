from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engine.stores.canned_s3 import CannedS3, canned_s3
from tests.servers.pki import Pki


@pytest.fixture
def canned(pki: Pki) -> Iterator[CannedS3]:
    """A server whose answers the test gives."""
    with canned_s3(pki) as server:
        yield server


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Where a local store is to be."""
    return tmp_path / "store"
