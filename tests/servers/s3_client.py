"""A stock boto3 client for a test server: what a test arranges with, never what it tests."""

from pathlib import Path
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config

from infra.servers.local_ca import Certificate

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


def s3_client(
    url: str,
    region: str,
    access_key: str,
    secret_key: str,
    ca_path: Path,
    *,
    client: Certificate | None = None,
) -> "S3Client":
    """Connect with one attempt a request, so that a refusal is seen at once."""
    return boto3.client(
        "s3",
        endpoint_url=url,
        region_name=region,
        aws_access_key_id=access_key,
        aws_secret_access_key=secret_key,
        verify=str(ca_path),
        config=Config(
            retries={"total_max_attempts": 1},
            s3={"addressing_style": "path"},
            client_cert=(str(client.cert_path), str(client.key_path)) if client else None,
        ),
    )
