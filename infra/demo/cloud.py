"""What the demo makes in its AWS double, and what it sees there itself: two buckets and two keys."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.config import Config

PACKS_BUCKET = "proofkeep-demo-packs"
LEDGER_BUCKET = "proofkeep-demo-ledger"
PACKS_PREFIX = "packs/"


@dataclass(frozen=True)
class Cloud:
    """The endpoint and, once made, the names of what lies in it.

    Attributes:
        kek: ARN of the key-encryption key.
        mac_key: ARN of the HMAC key that the host secret is.
    """

    url: str
    region: str
    ca_file: str
    kek: str = ""
    mac_key: str = ""


def furnish(facts: Mapping[str, Any]) -> Cloud:
    """Create buckets and keys; credentials come from the environment."""
    cloud = Cloud(facts["url"], facts["region"], facts["ca_file"])
    s3, kms = _client("s3", cloud), _client("kms", cloud)
    place: Any = {"LocationConstraint": cloud.region}
    for bucket in (PACKS_BUCKET, LEDGER_BUCKET):
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration=place)
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    kek = kms.create_key(Description="Proofkeep demo: key-encryption key")
    mac_key = kms.create_key(
        Description="Proofkeep demo: host secret", KeySpec="HMAC_256", KeyUsage="GENERATE_VERIFY_MAC"
    )
    return Cloud(cloud.url, cloud.region, cloud.ca_file, kek["KeyMetadata"]["Arn"], mac_key["KeyMetadata"]["Arn"])


def stored_packs(cloud: Cloud) -> dict[str, int]:
    """Sizes of the packs as the store lists them, asked with no help from the engine."""
    pages = _client("s3", cloud).get_paginator("list_objects_v2").paginate(Bucket=PACKS_BUCKET, Prefix=PACKS_PREFIX)
    return {item["Key"]: item["Size"] for page in pages for item in page.get("Contents", ())}


def _client(service: Any, cloud: Cloud) -> Any:
    return boto3.client(
        service,
        endpoint_url=cloud.url,
        region_name=cloud.region,
        verify=cloud.ca_file,
        config=Config(retries={"mode": "standard"}),
    )
