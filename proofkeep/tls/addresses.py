"""What an address must be before anything is sent there. Loads no SDK."""

from urllib.parse import urlsplit

from proofkeep.errors import TlsPolicyError, UsageError


def require_https(url: str) -> None:
    """Raise `TlsPolicyError` unless `url` is https."""
    parts = urlsplit(url)
    if parts.scheme.lower() != "https":
        raise TlsPolicyError(
            f"endpoint {parts.hostname or 'without a host'} is not https, and nothing is sent in clear"
        )


def require_endpoint(url: str) -> None:
    """Check the address that a client is to be made for.

    Raises:
        TlsPolicyError: it is not https.
        UsageError: it has no host, or holds more than host, port and path; nothing of it is said, it may be a secret.
    """
    require_https(url)
    parts = urlsplit(url)
    try:
        usable = bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable or "@" in parts.netloc or parts.query or parts.fragment:
        raise UsageError("endpoint is no https address of a host, with a port or path at most")
