"""A stock boto3 client for the KMS of a test server: what a test arranges with, never what it tests."""

from typing import TYPE_CHECKING

import boto3

from infra.servers.aws_endpoint import AwsEndpoint

if TYPE_CHECKING:
    from mypy_boto3_kms import KMSClient


def kms_client(endpoint: AwsEndpoint) -> "KMSClient":
    """Connect with the endpoint's own credentials."""
    return boto3.client(
        "kms",
        endpoint_url=endpoint.url,
        region_name=endpoint.region,
        aws_access_key_id=endpoint.access_key,
        aws_secret_access_key=endpoint.secret_key,
        verify=str(endpoint.ca_path),
    )
