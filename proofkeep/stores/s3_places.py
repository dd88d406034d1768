"""Where a bucket is that is not AWS's own. Loads no SDK."""

from urllib.parse import urlsplit

from proofkeep.model import Location

AWS_DOMAINS = (".amazonaws.com", ".amazonaws.com.cn", ".api.aws", ".c2s.ic.gov", ".sc2s.sgov.gov")


def place_elsewhere(endpoint_url: str, bucket: str) -> Location | None:
    """Endpoint and bucket, and the endpoint as the neighbourhood; None for an address of AWS."""
    endpoint = urlsplit(endpoint_url).netloc.lower()
    if endpoint.partition(":")[0].endswith(AWS_DOMAINS):
        return None
    return Location("s3", f"{endpoint}/{bucket}", endpoint)
