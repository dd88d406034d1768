"""A second making of wrapped keys, from format.md section 5 and the standards alone; never imports the engine.

Both KDF steps are written out with `hmac`, so that only ECDH, OAEP and AES-GCM are shared with what is tested.
"""

import hashlib
import hmac
import json
from collections.abc import Mapping

from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

P384_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFC7634D81F4372DDF581A0DB248B0A77AECEC196ACCC52973


def fixed_p384_key(name: bytes) -> ec.EllipticCurvePrivateKey:
    """A P-384 key that is the same in every run."""
    number = int.from_bytes(hashlib.sha512(name).digest(), "big")
    return ec.derive_private_key(number % (P384_ORDER - 1) + 1, ec.SECP384R1())


def one_time_key_p384(shared: bytes, purpose: bytes, ephemeral_point: bytes, recipient_point: bytes) -> bytes:
    """SP 800-56C extraction, then one block of SP 800-108 counter mode: 256 bits need no second."""
    extracted = hmac.new(bytes(64), shared, hashlib.sha256).digest()
    context = ephemeral_point + recipient_point
    fixed = purpose + b"\x00" + context + (256).to_bytes(4, "big")
    return hmac.new(extracted, (1).to_bytes(4, "big") + fixed, hashlib.sha256).digest()


def point_of(key: ec.EllipticCurvePublicKey) -> bytes:
    """Uncompressed, 97 bytes."""
    numbers = key.public_numbers()
    return b"\x04" + numbers.x.to_bytes(48, "big") + numbers.y.to_bytes(48, "big")


def wrap_p384(
    recipient: ec.EllipticCurvePublicKey,
    ephemeral: ec.EllipticCurvePrivateKey,
    nonce: bytes,
    key: bytes,
    purpose: bytes,
    context: Mapping[str, str],
) -> bytes:
    """Scheme 1, with everything given that is random otherwise."""
    point = point_of(ephemeral.public_key())
    shared = ephemeral.exchange(ec.ECDH(), recipient)
    one_time_key = one_time_key_p384(shared, purpose, point, point_of(recipient))
    header = b"\x01" + (97).to_bytes(2, "big") + point
    return _seal(header, recipient, one_time_key, nonce, key, purpose, context)


def wrap_rsa(
    recipient: rsa.RSAPublicKey,
    one_time_key: bytes,
    nonce: bytes,
    key: bytes,
    purpose: bytes,
    context: Mapping[str, str],
) -> bytes:
    """Scheme 2; only OAEP's own randomness differs from run to run."""
    oaep = padding.OAEP(padding.MGF1(SHA256()), SHA256(), None)
    encapsulated = recipient.encrypt(one_time_key, oaep)
    header = b"\x02" + len(encapsulated).to_bytes(2, "big") + encapsulated
    return _seal(header, recipient, one_time_key, nonce, key, purpose, context)


def _seal(
    header: bytes,
    recipient: ec.EllipticCurvePublicKey | rsa.RSAPublicKey,
    one_time_key: bytes,
    nonce: bytes,
    key: bytes,
    purpose: bytes,
    context: Mapping[str, str],
) -> bytes:
    spki = recipient.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    canonical = json.dumps(dict(context), ensure_ascii=True, sort_keys=True, separators=(",", ":")).encode()
    associated = len(purpose).to_bytes(2, "big") + purpose + hashlib.sha256(spki).digest() + header + canonical
    return header + nonce + AESGCM(one_time_key).encrypt(nonce, key, associated)
