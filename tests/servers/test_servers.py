import base64
import hashlib
import http.client
import ssl
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from botocore.exceptions import ClientError, SSLError

from infra.servers.aws_endpoint import AwsEndpoint
from infra.servers.https import answers, tls_context
from infra.servers.seaweedfs import S3Credentials, SeaweedFs
from tests.servers.kms_client import kms_client
from tests.servers.pki import Pki
from tests.servers.s3_client import s3_client

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


def negotiated(url: str, context: ssl.SSLContext) -> tuple[str | None, str]:
    parts = urlsplit(url)
    connection = http.client.HTTPSConnection(parts.hostname or "", parts.port, context=context, timeout=10)
    connection.connect()
    tls = connection.sock
    assert isinstance(tls, ssl.SSLSocket)
    cipher = tls.cipher()
    version = tls.version()
    connection.close()
    assert cipher is not None
    return version, cipher[0]


def seaweedfs_client(server: SeaweedFs, pki: Pki, credentials: S3Credentials) -> "S3Client":
    return s3_client(server.url, server.region, credentials.access_key, credentials.secret_key, pki.ca_path)


def test_aws_endpoint_keeps_an_object_and_gives_it_back_over_tls(moto_s3_kms: AwsEndpoint, pki: Pki) -> None:
    s3 = s3_client(moto_s3_kms.url, moto_s3_kms.region, moto_s3_kms.access_key, moto_s3_kms.secret_key, pki.ca_path)
    s3.create_bucket(Bucket="servers-moto", CreateBucketConfiguration={"LocationConstraint": "us-gov-west-1"})

    s3.put_object(Bucket="servers-moto", Key="one", Body=b"sealed bytes")

    assert s3.get_object(Bucket="servers-moto", Key="one")["Body"].read() == b"sealed bytes"
    assert negotiated(moto_s3_kms.url, tls_context(pki.ca_path))[0] in {"TLSv1.2", "TLSv1.3"}


def test_aws_endpoint_unwraps_a_data_key_only_under_its_context(moto_s3_kms: AwsEndpoint) -> None:
    kms = kms_client(moto_s3_kms)
    key = kms.create_key()["KeyMetadata"]["KeyId"]

    made = kms.generate_data_key(KeyId=key, KeySpec="AES_256", EncryptionContext={"run": "1"})

    opened = kms.decrypt(CiphertextBlob=made["CiphertextBlob"], EncryptionContext={"run": "1"})
    assert opened["Plaintext"] == made["Plaintext"]
    with pytest.raises(ClientError, match="InvalidCiphertext"):
        kms.decrypt(CiphertextBlob=made["CiphertextBlob"], EncryptionContext={"run": "2"})


def test_aws_endpoint_refuses_plain_cbc_suites(moto_s3_kms: AwsEndpoint, pki: Pki) -> None:
    context = tls_context(pki.ca_path)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("ECDHE-ECDSA-AES256-SHA384")

    with pytest.raises(ssl.SSLError):
        negotiated(moto_s3_kms.url, context)


def test_aws_endpoint_is_not_trusted_through_another_ca(moto_s3_kms: AwsEndpoint, pki: Pki) -> None:
    stranger = s3_client(moto_s3_kms.url, moto_s3_kms.region, moto_s3_kms.access_key, "x", pki.rogue_ca.ca_path)

    with pytest.raises(SSLError):
        stranger.list_buckets()


def test_seaweedfs_keeps_an_object_and_checks_its_digest(seaweedfs: SeaweedFs, pki: Pki) -> None:
    s3 = seaweedfs_client(seaweedfs, pki, seaweedfs.admin)
    s3.create_bucket(Bucket="servers-weed")
    wrong = base64.b64encode(hashlib.sha256(b"other bytes").digest()).decode()

    s3.put_object(Bucket="servers-weed", Key="one", Body=b"sealed bytes")

    assert s3.get_object(Bucket="servers-weed", Key="one")["Body"].read() == b"sealed bytes"
    with pytest.raises(ClientError, match="BadDigest"):
        s3.put_object(Bucket="servers-weed", Key="two", Body=b"sealed bytes", ChecksumSHA256=wrong)


def test_seaweedfs_refuses_an_identity_without_rights(seaweedfs: SeaweedFs, pki: Pki) -> None:
    s3 = seaweedfs_client(seaweedfs, pki, seaweedfs.stranger)

    with pytest.raises(ClientError, match="AccessDenied"):
        s3.create_bucket(Bucket="servers-stranger")


def test_seaweedfs_encrypts_under_a_kms_key_when_asked(seaweedfs: SeaweedFs, pki: Pki) -> None:
    s3 = seaweedfs_client(seaweedfs, pki, seaweedfs.admin)
    s3.create_bucket(Bucket="servers-sse")

    s3.put_object(Bucket="servers-sse", Key="one", Body=b"x", ServerSideEncryption="aws:kms", SSEKMSKeyId="store-key")

    assert s3.head_object(Bucket="servers-sse", Key="one")["ServerSideEncryption"] == "aws:kms"


def test_seaweedfs_over_mutual_tls_serves_only_certificates_of_its_ca(seaweedfs_mtls: SeaweedFs, pki: Pki) -> None:
    url = f"{seaweedfs_mtls.url}/healthz"

    assert answers(url, tls_context(pki.ca_path, pki.client))
    assert answers(url, tls_context(pki.ca_path, pki.other_client))
    assert not answers(url, tls_context(pki.ca_path, pki.rogue_client))
    assert not answers(url, tls_context(pki.ca_path))
