import pytest

from infra.servers.aws_endpoint import AwsEndpoint
from infra.servers.seaweedfs import SeaweedFs
from proofkeep.ports import ObjectStore
from tests.contracts.store_kinds import StoreKind, local, moto, seaweedfs
from tests.servers.pki import Pki


@pytest.fixture(scope="session", params=["local", "moto", "seaweedfs", "seaweedfs with object lock"])
def kind(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, pki: Pki) -> StoreKind:
    """One kind of object store after the other."""
    if request.param == "local":
        return local(tmp_path_factory.mktemp("stores"))
    if request.param == "moto":
        endpoint: AwsEndpoint = request.getfixturevalue("moto_s3_kms")
        return moto(endpoint, pki)
    server: SeaweedFs = request.getfixturevalue("seaweedfs")
    return seaweedfs(server, pki, lock="lock" in request.param)


@pytest.fixture
def store(kind: StoreKind) -> ObjectStore:
    """An empty store of that kind."""
    return kind.make()
