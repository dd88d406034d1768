import pytest

from infra.servers.aws_endpoint import AwsEndpoint
from infra.servers.seaweedfs import SeaweedFs
from proofkeep.ports import ObjectStore
from tests.contracts.store_kinds import StoreKind, local, moto, seaweedfs
from tests.servers.pki import Pki

KINDS = (
    "local",
    "moto",
    "moto read directly",
    "seaweedfs",
    "seaweedfs read directly",
    "seaweedfs with object lock",
    "seaweedfs with object lock read directly",
)


@pytest.fixture(scope="session", params=KINDS)
def kind(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, pki: Pki) -> StoreKind:
    """One kind of object store after the other."""
    if request.param == "local":
        return local(tmp_path_factory.mktemp("stores"))
    directly = "directly" in request.param
    if request.param.startswith("moto"):
        endpoint: AwsEndpoint = request.getfixturevalue("moto_s3_kms")
        return moto(endpoint, pki, directly=directly)
    server: SeaweedFs = request.getfixturevalue("seaweedfs")
    return seaweedfs(server, pki, lock="lock" in request.param, directly=directly)


@pytest.fixture
def store(kind: StoreKind) -> ObjectStore:
    """An empty store of that kind."""
    return kind.make()
