"""Session fixtures: each server starts with the first test that asks for it and ends with the session.

Those of Prefect, which use a core's twentieth each when nobody asks them, end with tests/flows.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.servers.aws_endpoint import AwsEndpoint
from infra.servers.seaweedfs import SeaweedFs
from tests.servers.pki import Pki, make_pki


@pytest.fixture(scope="session")
def servers_directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where servers keep data and logs; pytest keeps it when a test failed."""
    return tmp_path_factory.mktemp("servers")


@pytest.fixture(scope="session")
def pki(servers_directory: Path) -> Pki:
    """Trusted and rogue CAs with good and bad certificates."""
    return make_pki(servers_directory / "pki")


@pytest.fixture(scope="session")
def moto_s3_kms(servers_directory: Path, pki: Pki) -> Iterator[AwsEndpoint]:
    """S3, KMS, STS and IAM in the shape of the AWS API, over TLS. A stand-in: see `AwsEndpoint`."""
    endpoint = AwsEndpoint(servers_directory / "aws", pki.ca_path, pki.server).start()
    yield endpoint
    endpoint.stop()


@pytest.fixture(scope="session")
def seaweedfs(servers_directory: Path, pki: Pki) -> Iterator[SeaweedFs]:
    """A real S3 server over TLS."""
    server = SeaweedFs(servers_directory / "seaweedfs", pki.ca_path, pki.server).start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def seaweedfs_mtls(servers_directory: Path, pki: Pki) -> Iterator[SeaweedFs]:
    """A real S3 server that refuses clients without a certificate of the trusted CA."""
    server = SeaweedFs(servers_directory / "seaweedfs_mtls", pki.ca_path, pki.server, require_client=pki.client).start()
    yield server
    server.stop()
