"""Session fixtures: each server starts with the first test that asks for it and ends with the session."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.demo import database
from infra.servers.aws_endpoint import AwsEndpoint
from infra.servers.postgres import PostgresCluster
from infra.servers.prefect_server import PrefectServer
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


@pytest.fixture(scope="session")
def postgres(servers_directory: Path) -> Iterator[PostgresCluster | None]:
    """A cluster for the session's Prefect server, beside the other directories: its user may not enter those.

    None where PostgreSQL is not installed, which under CI=true has stopped the run already.
    """
    if not PostgresCluster.is_installed():
        yield None
        return
    place = Path(tempfile.mkdtemp(prefix="proofkeep-", dir="/var/tmp"))
    place.chmod(0o711)
    log = servers_directory / "postgres.log"
    cluster = PostgresCluster(place / "pg", log, ("fsync=off", "synchronous_commit=off")).start()
    yield cluster
    cluster.stop()
    shutil.rmtree(place)


@pytest.fixture(scope="session")
def prefect_server(servers_directory: Path, pki: Pki, postgres: PostgresCluster | None) -> Iterator[PrefectServer]:
    """A Prefect server for the whole session, on PostgreSQL as in an installation; on SQLite where there is none.

    Its notifications trust the tests' CA.
    """
    url = None if postgres is None else postgres.url
    server = PrefectServer(servers_directory / "prefect", ca_path=pki.ca_path, database_url=url)
    if postgres is None:
        database.place(server.directory)
    server.start()
    yield server
    server.stop()
