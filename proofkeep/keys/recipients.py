"""Which public keys may wrap a data key, and what they are called.

Accepted: EC P-384 (SP 800-56A); RSA of 3072 to 8192 bits with an exponent of 65537 or more (SP 800-56B).
Loading a key proves that an EC point lies on its curve; what is refused here is every other kind and size.
"""

import hashlib

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from proofkeep.errors import PolicyError

PublicKey = ec.EllipticCurvePublicKey | rsa.RSAPublicKey
PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey

RSA_MIN_BITS = 3072
RSA_MAX_BITS = 8192
RSA_MIN_EXPONENT = 65537


def accept_public_key(key: object) -> PublicKey:
    """Return `key` if it may wrap; raise `PolicyError` that says what is wrong with it otherwise."""
    if isinstance(key, ec.EllipticCurvePublicKey):
        if not isinstance(key.curve, ec.SECP384R1):
            raise PolicyError(f"wrapping key is on curve {key.curve.name}, only P-384 is accepted")
        return key
    if isinstance(key, rsa.RSAPublicKey):
        if not RSA_MIN_BITS <= key.key_size <= RSA_MAX_BITS:
            raise PolicyError(
                f"wrapping key is rsa of {key.key_size} bits, {RSA_MIN_BITS} to {RSA_MAX_BITS} are accepted"
            )
        if key.public_numbers().e < RSA_MIN_EXPONENT:
            raise PolicyError(f"wrapping key has an rsa exponent below {RSA_MIN_EXPONENT}")
        return key
    raise PolicyError(f"wrapping key is of type {type(key).__name__}, only P-384 and rsa are accepted")


def accept_private_key(key: object) -> PrivateKey:
    """Return `key` if its public half may wrap; raise `PolicyError` otherwise."""
    if isinstance(key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey):
        accept_public_key(key.public_key())
        return key
    raise PolicyError(f"private key is of type {type(key).__name__}, only P-384 and rsa are accepted")


def fingerprint(key: PublicKey) -> bytes:
    """SHA-256 of the DER SubjectPublicKeyInfo: 32 bytes."""
    return hashlib.sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).digest()


def recipient_uri(key: PublicKey) -> str:
    """`p384:<fingerprint>` or `rsa:<fingerprint>`, lower-case hex; stable for the life of the key."""
    scheme = "p384" if isinstance(key, ec.EllipticCurvePublicKey) else "rsa"
    return f"{scheme}:{fingerprint(key).hex()}"
