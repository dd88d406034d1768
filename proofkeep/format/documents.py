"""JSON objects under a MAC or a signature, as descriptor, epochs, wrapped keys, ledger and retirements use them."""

import hmac
from typing import Any

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA384
from cryptography.hazmat.primitives.serialization import load_der_public_key

from proofkeep import canonical
from proofkeep.errors import AuthenticationError, MalformedError, UnsupportedVersionError

VERSION = 1


def seal_document(key: bytes, members: dict[str, Any]) -> bytes:
    """Canonical JSON of `members` with `v` and a MAC under the ledger MAC key."""
    body = members | {"v": VERSION}
    return canonical.to_json(body | {"mac": _mac(key, body)})


def peek_document(data: bytes, subject: str) -> dict[str, Any]:
    """The members before any key is known; of these only `v`, `epoch` and what derives the key may be used.

    Raises:
        MalformedError, UnsupportedVersionError.
    """
    document = canonical.from_json(data, subject)
    version = document.get("v")
    if not isinstance(version, int) or isinstance(version, bool):
        raise MalformedError(f"{subject} states no version")
    if version != VERSION:
        raise UnsupportedVersionError(f"{subject} has format version {version}, this reader knows {VERSION}")
    return document


def open_document(key: bytes, data: bytes, subject: str) -> dict[str, Any]:
    """The members, once the MAC holds. Raises `AuthenticationError` and those of `peek_document`."""
    document = peek_document(data, subject)
    mac = document.pop("mac", None)
    if not isinstance(mac, str) or not hmac.compare_digest(mac.encode(), _mac(key, document).encode()):
        raise AuthenticationError(f"{subject} failed authentication")
    return document


def _mac(key: bytes, members: dict[str, Any]) -> str:
    return hmac.digest(key, canonical.to_json(members), "sha256").hex()


def sign_document(key: ec.EllipticCurvePrivateKey, members: dict[str, Any]) -> bytes:
    """Canonical JSON of `members` with `v` and an ECDSA P-384 signature (the retention role's)."""
    body = members | {"v": VERSION}
    signature = key.sign(canonical.to_json(body), ec.ECDSA(SHA384()))
    return canonical.to_json(body | {"signature": signature.hex()})


def open_signed(public_key: bytes | None, data: bytes, subject: str) -> dict[str, Any]:
    """The members, once the signature holds under `public_key` (SubjectPublicKeyInfo, DER).

    Raises:
        AuthenticationError: it does not, or there is no key.
    """
    document = peek_document(data, subject)
    signature = document.pop("signature", None)
    if public_key is None or not isinstance(signature, str):
        raise AuthenticationError(f"{subject} has no signature that this repository accepts")
    try:
        key = load_der_public_key(public_key)
        if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP384R1):
            raise AuthenticationError(f"{subject} cannot be checked: the retention key is not p-384")
        key.verify(bytes.fromhex(signature), canonical.to_json(document), ec.ECDSA(SHA384()))
    except (InvalidSignature, ValueError, UnsupportedAlgorithm):
        raise AuthenticationError(f"{subject} failed authentication") from None
    return document


def require_bytes(document: dict[str, Any], member: str, size: int, subject: str) -> bytes:
    """A member that is `size` bytes in lower-case hex. Raises `MalformedError`."""
    value = document.get(member)
    try:
        data = bytes.fromhex(value) if isinstance(value, str) else b""
    except ValueError:
        data = b""
    if len(data) != size or value != data.hex():
        raise MalformedError(f"{subject} has no valid member {member}")
    return data


def require_int(document: dict[str, Any], member: str, subject: str) -> int:
    """A member that is a non-negative integer. Raises `MalformedError`."""
    value = document.get(member)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise MalformedError(f"{subject} has no valid member {member}")
    return value


def require_str(document: dict[str, Any], member: str, subject: str) -> str:
    """A member that is a string. Raises `MalformedError`."""
    value = document.get(member)
    if not isinstance(value, str):
        raise MalformedError(f"{subject} has no valid member {member}")
    return value
