"""What only a real S3 server can show: credentials, rights, encryption by the store, retention by default."""

import json
import secrets
from collections.abc import Callable
from hashlib import sha256
from typing import TYPE_CHECKING

import pytest

from infra.servers.seaweedfs import SeaweedFs
from proofkeep.errors import StoreCredentialsError, StoreDeniedError
from proofkeep.probe import probe
from proofkeep.stores.s3 import S3Store
from tests.contracts.store_kinds import s3_stores
from tests.servers.pki import Pki
from tests.servers.s3_client import s3_client

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

BODY = b"sealed bytes"
DIGEST = sha256(BODY).digest()

ATTEMPTS: dict[str, Callable[[S3Store], object]] = {
    "put": lambda store: store.put("packs/0", BODY, sha256=DIGEST),
    "get": lambda store: store.get("packs/0"),
    "range": lambda store: store.get("packs/0", offset=1, length=1),
    "read": lambda store: list(store.read("packs/0")),
    "stat": lambda store: store.stat("packs/0"),
    "list": lambda store: list(store.list("")),
    "delete": lambda store: store.delete("packs/0"),
}


@pytest.fixture(scope="module")
def admin(seaweedfs: SeaweedFs, pki: Pki) -> "S3Client":
    keys = (seaweedfs.admin.access_key, seaweedfs.admin.secret_key)
    return s3_client(seaweedfs.url, seaweedfs.region, *keys, pki.ca_path)


@pytest.fixture(scope="module")
def bucket(admin: "S3Client") -> str:
    name = f"real-{secrets.token_hex(4)}"
    admin.create_bucket(Bucket=name)
    return name


def store_in(
    bucket: str, server: SeaweedFs, pki: Pki, keys: tuple[str, str], *, sse_kms_key_id: str | None = None
) -> S3Store:
    return s3_stores(bucket, server.url, server.region, keys, pki, sse_kms_key_id=sse_kms_key_id)()


def admin_keys(server: SeaweedFs) -> tuple[str, str]:
    return server.admin.access_key, server.admin.secret_key


def test_sibling_lies_in_its_own_bucket_below_its_own_prefix(
    admin: "S3Client", bucket: str, seaweedfs: SeaweedFs, pki: Pki
) -> None:
    other = f"sibling-{secrets.token_hex(4)}"
    admin.create_bucket(Bucket=other)
    store = store_in(bucket, seaweedfs, pki, admin_keys(seaweedfs))
    sibling = store.sibling(other, "below")

    store.put("packs/0", BODY, sha256=DIGEST)
    sibling.put("packs/1", BODY, sha256=DIGEST)

    assert [stat.name for stat in store.list("packs/")] == ["packs/0"]
    assert [stat.name for stat in sibling.list("packs/")] == ["packs/1"]
    assert admin.head_object(Bucket=other, Key="below/packs/1")["ContentLength"] == len(BODY)
    assert sibling.location.place.endswith(f"/{other}")
    store.delete("packs/0")


@pytest.mark.parametrize("attempt", ATTEMPTS)
@pytest.mark.parametrize("wrong", ["key", "secret"])
def test_wrong_credentials_are_told_from_missing_rights(
    seaweedfs: SeaweedFs, pki: Pki, bucket: str, attempt: str, wrong: str
) -> None:
    access_key, secret_key = admin_keys(seaweedfs)
    keys = ("AKNOBODY", secret_key) if wrong == "key" else (access_key, "not the secret")

    with pytest.raises(StoreCredentialsError):
        ATTEMPTS[attempt](store_in(bucket, seaweedfs, pki, keys))


@pytest.mark.parametrize("attempt", ATTEMPTS)
def test_identity_without_rights_is_denied(seaweedfs: SeaweedFs, pki: Pki, bucket: str, attempt: str) -> None:
    keys = (seaweedfs.stranger.access_key, seaweedfs.stranger.secret_key)

    with pytest.raises(StoreDeniedError):
        ATTEMPTS[attempt](store_in(bucket, seaweedfs, pki, keys))


def test_object_is_encrypted_under_the_stores_key_when_asked(
    seaweedfs: SeaweedFs, pki: Pki, bucket: str, admin: "S3Client"
) -> None:
    store = store_in(bucket, seaweedfs, pki, admin_keys(seaweedfs), sse_kms_key_id="store-key")

    placed = store.put("packs/0", BODY, sha256=DIGEST)

    held = admin.list_objects_v2(Bucket=bucket)["Contents"]
    assert [admin.head_object(Bucket=bucket, Key=key["Key"])["SSEKMSKeyId"] for key in held] == ["store-key"]
    assert placed.checked
    assert store.stat("packs/0").sha256 == DIGEST
    assert store.get("packs/0") == BODY


def test_probe_sees_retention_by_default(seaweedfs: SeaweedFs, pki: Pki, admin: "S3Client") -> None:
    bucket = f"real-{secrets.token_hex(4)}"
    admin.create_bucket(Bucket=bucket, ObjectLockEnabledForBucket=True)
    admin.put_object_lock_configuration(
        Bucket=bucket,
        ObjectLockConfiguration={
            "ObjectLockEnabled": "Enabled",
            "Rule": {"DefaultRetention": {"Mode": "COMPLIANCE", "Days": 1}},
        },
    )

    assert probe(store_in(bucket, seaweedfs, pki, admin_keys(seaweedfs)), "").refuses_delete


def test_probe_sees_a_policy_that_forbids_removal(seaweedfs: SeaweedFs, pki: Pki, admin: "S3Client") -> None:
    bucket = f"real-{secrets.token_hex(4)}"
    admin.create_bucket(Bucket=bucket)
    statement = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": ["s3:DeleteObject", "s3:DeleteObjectVersion"],
        "Resource": f"arn:aws:s3:::{bucket}/*",
    }
    admin.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))

    assert probe(store_in(bucket, seaweedfs, pki, admin_keys(seaweedfs)), "").refuses_delete
