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


def service_of(endpoint_url: str | None) -> str:
    """What tells one service from another: host, port and path, nothing that may be a secret; `AWS` for its own."""
    try:
        parts = urlsplit(endpoint_url or "")
    except ValueError:
        return "no address"  # refused when it is opened
    if endpoint_url is None or place_elsewhere(endpoint_url, "") is None:
        return "AWS"
    return parts.netloc.rpartition("@")[2].lower() + parts.path.rstrip("/")
