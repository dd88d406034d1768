"""Wrap 32-byte keys under a public key: ECIES on P-384, or RSA-OAEP; format.md section "Wrapped keys".

    scheme (1) || encapsulation length (2) || encapsulation || nonce (12) || wrapped key (32) || tag (16)

Scheme 1, P-384: the encapsulation is the uncompressed ephemeral point (97 bytes). One-pass Diffie-Hellman
C(1e, 1s, ECC CDH) of SP 800-56A, then two-step key derivation of SP 800-56C: HMAC-SHA-256 with 64 zero bytes as
salt extracts, the SP 800-108 KDF of `crypto.kdf` expands, with the purpose as label and both points as context.
Scheme 2, RSA: the encapsulation is a random one-time key under OAEP with SHA-256, MGF1-SHA-256 and no label.

The one-time key seals one key by AES-256-GCM. Associated data: purpose length (2) || purpose || recipient's
fingerprint (32) || everything before the nonce || context as canonical JSON. Knows no files and no provider.
"""

import hmac
import secrets
from collections.abc import Mapping
from typing import NamedTuple

from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from proofkeep.canonical import to_json
from proofkeep.crypto.kdf import derive
from proofkeep.crypto.sealing import OVERHEAD, SealingKey
from proofkeep.errors import AuthenticationError, KeyMismatchError, UsageError
from proofkeep.keys.recipients import PrivateKey, PublicKey, fingerprint, recipient_uri

KEY_SIZE = 32

PURPOSE_DATA_KEY = b"proofkeep/v1/wrap/data-key"
PURPOSE_HOST_SECRET = b"proofkeep/v1/wrap/host-secret"
PURPOSE_ENROLMENT = b"proofkeep/v1/wrap/enrolment"

_P384, _RSA = 1, 2
_LENGTH_SIZE = 2
_POINT_SIZE = 97
_EXTRACTION_SALT = bytes(64)
_OAEP = padding.OAEP(mgf=padding.MGF1(SHA256()), algorithm=SHA256(), label=None)


class Encapsulation(NamedTuple):
    """A one-time key and the bytes from which the recipient finds it again."""

    key: bytes
    scheme: int
    encapsulated: bytes


def wrap_for(public_key: PublicKey, key: bytes, *, purpose: bytes, context: Mapping[str, str]) -> bytes:
    """Wrap `key` (32 bytes) so that only the private key unwraps it, for this purpose and context alone."""
    if len(key) != KEY_SIZE:
        raise UsageError(f"key to wrap is {len(key)} bytes, must be {KEY_SIZE}")
    if isinstance(public_key, ec.EllipticCurvePublicKey):
        made = encapsulate_p384(public_key, ec.generate_private_key(ec.SECP384R1()), purpose)
    else:
        made = _encapsulate_rsa(public_key)
    header = _header(made.scheme, len(made.encapsulated)) + made.encapsulated
    associated = _associated(public_key, header, purpose, context)
    return header + bytes(SealingKey(made.key).seal(associated, key))


def unwrap_with(private_key: PrivateKey, wrapped: bytes, *, purpose: bytes, context: Mapping[str, str]) -> bytes:
    """Return the 32-byte key that `wrap_for` wrapped.

    Raises:
        KeyMismatchError: other key, purpose or context, or not every byte as it was wrapped.
    """
    public_key = private_key.public_key()
    recipient = recipient_uri(public_key)
    header_size = _check_layout(public_key, wrapped)
    try:
        one_time_key = _decapsulate(private_key, wrapped[1 + _LENGTH_SIZE : header_size], purpose)
        associated = _associated(public_key, wrapped[:header_size], purpose, context)
        return SealingKey(one_time_key).open(associated, wrapped[header_size:], "wrapped key")
    except (AuthenticationError, ValueError):
        raise KeyMismatchError(
            f"wrapped key does not open under {recipient}: other context or purpose, or it was altered"
        ) from None


def encapsulate_p384(
    public_key: ec.EllipticCurvePublicKey, ephemeral: ec.EllipticCurvePrivateKey, purpose: bytes
) -> Encapsulation:
    """Agree on a one-time key; `ephemeral` must be fresh for every key wrapped, known answers apart."""
    point = _point(ephemeral.public_key())
    shared = ephemeral.exchange(ec.ECDH(), public_key)
    return Encapsulation(_one_time_key(shared, purpose, point, _point(public_key)), _P384, point)


def _encapsulate_rsa(public_key: rsa.RSAPublicKey) -> Encapsulation:
    one_time_key = secrets.token_bytes(KEY_SIZE)
    return Encapsulation(one_time_key, _RSA, public_key.encrypt(one_time_key, _OAEP))


def _check_layout(public_key: PublicKey, wrapped: bytes) -> int:
    """Return the size of all before the nonce, once the scheme and every length are those of this key."""
    recipient = recipient_uri(public_key)
    if isinstance(public_key, ec.EllipticCurvePublicKey):
        scheme, size = _P384, _POINT_SIZE
    else:
        scheme, size = _RSA, (public_key.key_size + 7) // 8
    header_size = 1 + _LENGTH_SIZE + size
    whole = header_size + KEY_SIZE + OVERHEAD
    if len(wrapped) != whole:
        raise KeyMismatchError(f"wrapped key for {recipient} is {len(wrapped)} bytes, must be {whole}")
    if not wrapped.startswith(_header(scheme, size)):
        raise KeyMismatchError(f"wrapped key was not made for {recipient}: its scheme or a length differs")
    return header_size


def _decapsulate(private_key: PrivateKey, encapsulated: bytes, purpose: bytes) -> bytes:
    if isinstance(private_key, ec.EllipticCurvePrivateKey):
        # Loading proves that the point lies on the curve, so that a forged one learns nothing of the key.
        ephemeral = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP384R1(), encapsulated)
        shared = private_key.exchange(ec.ECDH(), ephemeral)
        return _one_time_key(shared, purpose, encapsulated, _point(private_key.public_key()))
    one_time_key = private_key.decrypt(encapsulated, _OAEP)
    if len(one_time_key) != KEY_SIZE:
        raise ValueError(len(one_time_key))
    return one_time_key


def _one_time_key(shared: bytes, purpose: bytes, ephemeral_point: bytes, recipient_point: bytes) -> bytes:
    extracted = hmac.digest(_EXTRACTION_SALT, shared, "sha256")
    return derive(extracted, purpose, ephemeral_point + recipient_point, KEY_SIZE)


def _associated(public_key: PublicKey, header: bytes, purpose: bytes, context: Mapping[str, str]) -> bytes:
    purpose_length = len(purpose).to_bytes(_LENGTH_SIZE, "big")
    return purpose_length + purpose + fingerprint(public_key) + header + to_json(dict(context))


def _header(scheme: int, size: int) -> bytes:
    return bytes((scheme,)) + size.to_bytes(_LENGTH_SIZE, "big")


def _point(public_key: ec.EllipticCurvePublicKey) -> bytes:
    return public_key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
