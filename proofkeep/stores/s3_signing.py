"""Signing a put with the digest it sends, so that a pack is hashed once and not once more for its signature.

botocore offers only its own hash of the body or `UNSIGNED-PAYLOAD`. The digest of the object in
`x-amz-content-sha256` binds the body to the signature, and stores that ignore `x-amz-checksum-sha256` check it.
"""

import base64
from typing import Any

from botocore.auth import AUTH_TYPE_MAPS, S3SigV4Auth
from botocore.awsrequest import AWSRequest

SIGNATURE_VERSION = "proofkeep-given-digest"


class GivenDigestAuth(S3SigV4Auth):
    """AWS signature version 4 over the digest in `x-amz-checksum-sha256`."""

    def payload(self, request: AWSRequest) -> str:
        """The body's SHA-256 as it goes into the canonical request, in hex."""
        given = request.headers.get("x-amz-checksum-sha256")
        return super().payload(request) if given is None else base64.b64decode(given).hex()


AUTH_TYPE_MAPS[SIGNATURE_VERSION] = GivenDigestAuth


def sign_with_given_digest(events: Any) -> None:
    """Let puts of the client with these events be signed so."""
    events.register("choose-signer.s3.PutObject", _choose)


def _choose(signature_version: Any, **_: Any) -> str | None:
    return SIGNATURE_VERSION if signature_version in {"s3v4", "v4"} else None
