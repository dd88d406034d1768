"""PKCS #8 private keys under a passphrase: PBES2 of RFC 8018, which `openssl pkey` and `openssl pkcs8` open.

PBKDF2-HMAC-SHA-256 with at least 600,000 iterations and a salt of at least 16 bytes (SP 800-132), AES-256-CBC.
`cryptography` opens such keys but writes them with 2,048 iterations, openssl before 3.2 with a salt of 8 bytes;
hence the writing here. CBC proves nothing about what was opened: the caller compares it with the public half.
"""

import secrets
from functools import partial

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat._oid import ObjectIdentifier  # cryptography.x509, which has it too, loads 20 modules more
from cryptography.hazmat.asn1 import Null, decode_der, encode_der, sequence
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES256
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC
from cryptography.hazmat.primitives.padding import PKCS7
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
)

from proofkeep.errors import KeyMismatchError, PolicyError
from proofkeep.keys.recipients import PrivateKey, accept_private_key

ITERATIONS = 600_000
MAX_ITERATIONS = 10_000_000
SALT_SIZE = 16

_KEY_SIZE = 32
_BLOCK_SIZE = 16
_PBES2 = ObjectIdentifier("1.2.840.113549.1.5.13")
_PBKDF2 = ObjectIdentifier("1.2.840.113549.1.5.12")
_HMAC_SHA256 = ObjectIdentifier("1.2.840.113549.2.9")
_AES256_CBC = ObjectIdentifier("2.16.840.1.101.3.4.1.42")


@sequence
class _Prf:
    algorithm: ObjectIdentifier
    parameters: Null


@sequence
class _Pbkdf2Parameters:
    salt: bytes
    iterations: int
    key_length: int | None
    prf: _Prf


@sequence
class _Pbkdf2:
    algorithm: ObjectIdentifier
    parameters: _Pbkdf2Parameters


@sequence
class _Cbc:
    algorithm: ObjectIdentifier
    iv: bytes


@sequence
class _Pbes2Parameters:
    derivation: _Pbkdf2
    cipher: _Cbc


@sequence
class _Pbes2:
    algorithm: ObjectIdentifier
    parameters: _Pbes2Parameters


@sequence
class _EncryptedPrivateKey:
    protection: _Pbes2
    data: bytes


def protect_private_key(key: PrivateKey, passphrase: bytes) -> bytes:
    """Return DER EncryptedPrivateKeyInfo of `key` with a fresh salt and initialisation vector."""
    salt, iv = secrets.token_bytes(SALT_SIZE), secrets.token_bytes(_BLOCK_SIZE)
    derivation = PBKDF2HMAC(algorithm=SHA256(), length=_KEY_SIZE, salt=salt, iterations=ITERATIONS)
    padder = PKCS7(_BLOCK_SIZE * 8).padder()
    encryptor = Cipher(AES256(derivation.derive(passphrase)), CBC(iv)).encryptor()
    clear = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    padded = padder.update(clear) + padder.finalize()
    prf = _Prf(algorithm=_HMAC_SHA256, parameters=Null())
    parameters = _Pbkdf2Parameters(salt=salt, iterations=ITERATIONS, key_length=None, prf=prf)
    protection = _Pbes2(
        algorithm=_PBES2,
        parameters=_Pbes2Parameters(
            derivation=_Pbkdf2(algorithm=_PBKDF2, parameters=parameters),
            cipher=_Cbc(algorithm=_AES256_CBC, iv=iv),
        ),
    )
    data = encryptor.update(padded) + encryptor.finalize()
    return encode_der(_EncryptedPrivateKey(protection=protection, data=data))


def open_private_key(der: bytes, passphrase: bytes, uri: str) -> PrivateKey:
    """Open what `protect_private_key` or openssl wrote.

    Raises:
        PolicyError: the protection is weaker than this module writes, or of another kind.
        KeyMismatchError: not the passphrase of this key, or altered bytes.
    """
    protected = _checked(der, uri)
    try:
        key = load_der_private_key(_decrypted(protected, passphrase), None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise KeyMismatchError(f"{uri} does not open with this passphrase") from None
    return accept_private_key(key)


def _decrypted(protected: _EncryptedPrivateKey, passphrase: bytes) -> bytes:
    """The clear PrivateKeyInfo. `load_der_private_key` would keep the interpreter lock while it derives."""
    parameters = protected.protection.parameters
    derivation = parameters.derivation.parameters
    kdf = PBKDF2HMAC(algorithm=SHA256(), length=_KEY_SIZE, salt=derivation.salt, iterations=derivation.iterations)
    decryptor = Cipher(AES256(kdf.derive(passphrase)), CBC(parameters.cipher.iv)).decryptor()
    unpadder = PKCS7(_BLOCK_SIZE * 8).unpadder()
    padded = decryptor.update(protected.data) + decryptor.finalize()
    return unpadder.update(padded) + unpadder.finalize()


def _checked(der: bytes, uri: str) -> _EncryptedPrivateKey:
    refuse = partial(_refusal, uri)
    try:
        protected = decode_der(_EncryptedPrivateKey, der)
        parameters = protected.protection.parameters
    except ValueError:
        raise refuse("its protection is not pbes2 with pbkdf2-hmac-sha-256 and aes-256-cbc") from None
    derivation = parameters.derivation.parameters
    if parameters.cipher.algorithm != _AES256_CBC or derivation.prf.algorithm != _HMAC_SHA256:
        raise refuse("its protection is not pbkdf2-hmac-sha-256 with aes-256-cbc")
    if not ITERATIONS <= derivation.iterations <= MAX_ITERATIONS:
        raise refuse(f"pbkdf2 has {derivation.iterations} iterations, {ITERATIONS} to {MAX_ITERATIONS} are accepted")
    if len(derivation.salt) < SALT_SIZE:
        raise refuse(f"pbkdf2 has a salt of {len(derivation.salt)} bytes, at least {SALT_SIZE} are accepted")
    if derivation.key_length not in {None, _KEY_SIZE}:
        raise refuse(f"pbkdf2 gives a key of {derivation.key_length} bytes, {_KEY_SIZE} are accepted")
    return protected


def _refusal(uri: str, reason: str) -> PolicyError:
    return PolicyError(f"{uri} is protected too weakly: {reason}")
