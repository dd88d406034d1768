"""The retention role's public key, as `init` records it: P-384, out of a PEM or DER file."""

from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_der_public_key,
    load_pem_public_key,
)

from proofkeep.errors import PolicyError, UsageError
from proofkeep.keys.private_files import Privacy, read_file


def read_retention_key(path: Path) -> bytes:
    """SubjectPublicKeyInfo (DER), the point uncompressed.

    Raises:
        KeyMissingError: there is no such file, or this user cannot read it.
        PolicyError: it is no P-384 key, or others may replace it.
        UsageError: it is no public key.
    """
    uri = f"file:{path}"
    content, _ = read_file(path, uri, Privacy.PUBLIC)
    load = load_pem_public_key if content.lstrip().startswith(b"-----BEGIN") else load_der_public_key
    try:
        key = load(content)
    except (ValueError, UnsupportedAlgorithm):
        raise UsageError(f"{uri} is no public key in pem or der") from None
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP384R1):
        raise PolicyError(f"{uri} holds no P-384 key, and retirements are signed with no other")
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
