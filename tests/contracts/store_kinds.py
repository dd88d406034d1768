"""The object stores that the contract is asked of, each with a fresh place for every test."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from urllib.parse import urlsplit

import botocore.session

from infra.servers.aws_endpoint import AwsEndpoint
from infra.servers.seaweedfs import SeaweedFs
from proofkeep.model import Capabilities, Placed
from proofkeep.ports import ObjectStore
from proofkeep.stores.local import LocalStore
from proofkeep.stores.s3 import S3Store
from proofkeep.stores.s3_direct import DirectS3Store
from proofkeep.stores.s3_places import place_elsewhere
from proofkeep.stores.s3_server import Server
from proofkeep.stores.s3_signature import Credentials
from proofkeep.tls import TlsPolicy
from tests.servers.pki import Pki
from tests.servers.s3_client import s3_client

BODY = b"sealed bytes of an object"


@dataclass(frozen=True)
class StoreKind:
    """How to make an empty store of one kind, and what is known of all of that kind."""

    make: Callable[[], ObjectStore]
    capabilities: Capabilities
    over_tls: bool = True
    keeps_versions: bool = False
    locks: bool = False
    states_digest: bool = True


def local(root: Path) -> StoreKind:
    """A directory: it compares digests on writing and states none."""
    return StoreKind(
        lambda: LocalStore(root / secrets.token_hex(8)),
        Capabilities(
            refuses_second_create=True, refuses_wrong_digest=True, refuses_overwrite=False, refuses_delete=False
        ),
        over_tls=False,
        states_digest=False,
    )


def moto(endpoint: AwsEndpoint, pki: Pki, *, directly: bool = False) -> StoreKind:
    """A stand-in for AWS that stores whatever digest it is told; `directly` as in `direct_stores`."""
    keys = (endpoint.access_key, endpoint.secret_key)
    bucket = _bucket(endpoint.url, endpoint.region, keys, pki, lock=False)
    return StoreKind(
        (direct_stores if directly else s3_stores)(bucket, endpoint.url, endpoint.region, keys, pki),
        Capabilities(
            refuses_second_create=True, refuses_wrong_digest=False, refuses_overwrite=False, refuses_delete=False
        ),
    )


def seaweedfs(server: SeaweedFs, pki: Pki, *, lock: bool, directly: bool = False) -> StoreKind:
    """A real S3 server, its bucket with or without versions and Object Lock; `directly` as in `direct_stores`."""
    keys = (server.admin.access_key, server.admin.secret_key)
    bucket = _bucket(server.url, server.region, keys, pki, lock=lock)
    return StoreKind(
        (direct_stores if directly else s3_stores)(bucket, server.url, server.region, keys, pki),
        Capabilities(
            refuses_second_create=True, refuses_wrong_digest=True, refuses_overwrite=False, refuses_delete=False
        ),
        keeps_versions=lock,
        locks=lock,
    )


def s3_stores(
    bucket: str, url: str, region: str, keys: tuple[str, str], pki: Pki, *, sse_kms_key_id: str | None = None
) -> Callable[[], S3Store]:
    """Makes stores in one bucket, each under a prefix of its own."""
    make = s3_stores_below(bucket, url, region, keys, pki, sse_kms_key_id=sse_kms_key_id)
    return lambda: make(secrets.token_hex(8))


def s3_stores_below(
    bucket: str, url: str, region: str, keys: tuple[str, str], pki: Pki, *, sse_kms_key_id: str | None = None
) -> Callable[[str], S3Store]:
    """Makes stores in one bucket, each under a given prefix."""
    session = botocore.session.Session()
    session.set_credentials(*keys)
    return lambda prefix: S3Store(
        bucket,
        prefix,
        tls=TlsPolicy(pki.ca_path),
        endpoint_url=url,
        region=region,
        session=session,
        sse_kms_key_id=sse_kms_key_id,
    )


def direct_stores(bucket: str, url: str, region: str, keys: tuple[str, str], pki: Pki) -> Callable[[], DirectS3Store]:
    """Makes stores that read without the SDK as long as nothing is out of the way, each under a prefix of its own."""
    parts = urlsplit(url)
    location = place_elsewhere(url, bucket)
    below = s3_stores_below(bucket, url, region, keys, pki)
    assert location is not None

    def make() -> DirectS3Store:
        prefix = secrets.token_hex(8)
        server = Server(str(parts.hostname), parts.port or 0, region, Credentials(*keys), TlsPolicy(pki.ca_path))
        return DirectS3Store(server, location, bucket, prefix, lambda: below(prefix))

    return make


def _bucket(url: str, region: str, keys: tuple[str, str], pki: Pki, *, lock: bool) -> str:
    bucket = f"contract-{secrets.token_hex(4)}"
    where = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
    client = s3_client(url, region, *keys, pki.ca_path)
    client.create_bucket(Bucket=bucket, ObjectLockEnabledForBucket=lock, **where)  # type: ignore[arg-type]  # a literal
    return bucket


def put(store: ObjectStore, name: str, body: bytes = BODY) -> Placed:
    """Put with the right digest."""
    return store.put(name, body, sha256=sha256(body).digest())


def names(store: ObjectStore, prefix: str, *, after: str = "") -> list[str]:
    """What a listing names."""
    return [found.name for found in store.list(prefix, after=after)]
