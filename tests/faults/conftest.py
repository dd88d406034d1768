from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from infra.servers.seaweedfs import SeaweedFs
from tests.building import Host, plant_some
from tests.faults.proxy import FaultProxy
from tests.faults.remote import RemoteGround
from tests.servers.pki import Pki
from tests.servers.s3_client import s3_client


@pytest.fixture(scope="session")
def buckets(seaweedfs: SeaweedFs, pki: Pki) -> tuple[str, str]:
    """For packs and ledger of every test here; each has a prefix of its own."""
    keys = (seaweedfs.admin.access_key, seaweedfs.admin.secret_key)
    api = s3_client(seaweedfs.url, seaweedfs.region, *keys, pki.ca_path)
    for bucket in ("faults-packs", "faults-ledger"):
        api.create_bucket(Bucket=bucket)
    return "faults-packs", "faults-ledger"


@pytest.fixture
def line(seaweedfs: SeaweedFs, pki: Pki) -> Iterator[FaultProxy]:
    """The line to the store on which faults happen."""
    with FaultProxy(seaweedfs.url, pki) as proxy:
        yield proxy


@pytest.fixture
def make_host(seaweedfs: SeaweedFs, pki: Pki, buckets: tuple[str, str], scratch: Path) -> Callable[[], Host]:
    """Make a host with a small tree, on a repository of its own."""

    def make() -> Host:
        host = Host(RemoteGround(scratch / "ground", server=seaweedfs, pki=pki, buckets=buckets))
        plant_some(host.source, files=8, size=6000)
        return host

    return make
