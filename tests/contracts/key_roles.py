"""AWS KMS as its roles see it: moto over TLS with IAM switched on, one access key a role.

moto enforces policies by action only: it looks at no resource, condition or key policy.
"""

import http.client
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast
from urllib.parse import urlsplit

import boto3
import botocore.session

from infra.servers.aws_endpoint import AwsEndpoint
from infra.servers.https import tls_context
from proofkeep.keys.kms_service import KmsAccess
from proofkeep.tls import TlsPolicy
from tests.servers.pki import Pki

if TYPE_CHECKING:
    from mypy_boto3_iam import IAMClient
    from mypy_boto3_kms import KMSClient

BACKUP = ("kms:GenerateDataKey", "kms:GenerateMac")
WRAPPING = (*BACKUP, "kms:Encrypt")
RESTORE = ("kms:Decrypt", "kms:GenerateMac")
BY_ALIAS = (*BACKUP, "kms:DescribeKey")


@dataclass(frozen=True)
class KmsRoles:
    """An endpoint that asks who calls, its keys, and how each role reaches it."""

    endpoint: AwsEndpoint
    key_arn: str
    other_key_arn: str
    mac_key_arn: str
    alias: str
    backup: KmsAccess
    wrapping: KmsAccess
    restore: KmsAccess
    by_alias: KmsAccess
    nobody: KmsAccess


@contextmanager
def kms_roles(directory: Path, pki: Pki) -> Iterator[KmsRoles]:
    """Start an endpoint, make keys and roles, then switch IAM on."""
    endpoint = AwsEndpoint(directory, pki.ca_path, pki.server).start()
    try:
        kms = cast("KMSClient", _administrator(endpoint, "kms"))
        key_arn, other_key_arn = (kms.create_key()["KeyMetadata"]["Arn"] for _ in range(2))
        mac_key = kms.create_key(KeySpec="HMAC_256", KeyUsage="GENERATE_VERIFY_MAC")["KeyMetadata"]
        kms.create_alias(AliasName="alias/proofkeep", TargetKeyId=key_arn)
        roles = KmsRoles(
            endpoint,
            key_arn,
            other_key_arn,
            mac_key["Arn"],
            "alias/proofkeep",
            backup=_role(endpoint, "backup", BACKUP),
            wrapping=_role(endpoint, "wrapping", WRAPPING),
            restore=_role(endpoint, "restore", RESTORE),
            by_alias=_role(endpoint, "by-alias", BY_ALIAS),
            nobody=kms_access(endpoint, "AKIANOBODY0000000000", "unknown to the endpoint"),
        )
        _enforce_iam(endpoint)
        yield roles
    finally:
        endpoint.stop()


def kms_access(endpoint: AwsEndpoint, access_key: str, secret_key: str) -> KmsAccess:
    """Reach `endpoint` with these credentials."""
    session = botocore.session.Session()
    session.set_credentials(access_key, secret_key)
    return KmsAccess(TlsPolicy(ca_file=endpoint.ca_path), endpoint.region, endpoint.url, session)


def _administrator(endpoint: AwsEndpoint, service: str) -> object:
    return boto3.client(
        service,  # type: ignore[call-overload]  # the stubs want a literal
        endpoint_url=endpoint.url,
        region_name=endpoint.region,
        aws_access_key_id=endpoint.access_key,
        aws_secret_access_key=endpoint.secret_key,
        verify=str(endpoint.ca_path),
    )


def _role(endpoint: AwsEndpoint, name: str, actions: tuple[str, ...]) -> KmsAccess:
    iam = cast("IAMClient", _administrator(endpoint, "iam"))
    statement = {"Effect": "Allow", "Action": list(actions), "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.create_user(UserName=name)
    iam.put_user_policy(UserName=name, PolicyName=name, PolicyDocument=policy)
    made = iam.create_access_key(UserName=name)["AccessKey"]
    return kms_access(endpoint, made["AccessKeyId"], made["SecretAccessKey"])


def _enforce_iam(endpoint: AwsEndpoint) -> None:
    parts = urlsplit(endpoint.url)
    context = tls_context(endpoint.ca_path)
    connection = http.client.HTTPSConnection(parts.hostname or "", parts.port, context=context, timeout=10)
    connection.request("POST", "/moto-api/reset-auth", body=b"0")
    status = connection.getresponse().status
    connection.close()
    assert status == http.HTTPStatus.OK
