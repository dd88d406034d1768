"""Key files: PEM with a public key, a private key, or both in one file.

`PUBLIC KEY` (SubjectPublicKeyInfo) is all that a backup host reads. `ENCRYPTED PRIVATE KEY` and `PRIVATE KEY`
(PKCS #8) are for the restore role; a file that holds one must be readable by its owner alone. A file with the public
half must not be writable by others: whoever replaces it reads the backups made after.
"""

import base64
import binascii
import re
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_private_key,
    load_der_public_key,
)

from proofkeep.errors import KeyDeniedError, KeyMismatchError, UsageError
from proofkeep.keys.passphrases import Passphrase, accept_new_passphrase
from proofkeep.keys.private_files import Privacy, create_file, read_file
from proofkeep.keys.recipients import (
    PrivateKey,
    PublicKey,
    accept_private_key,
    accept_public_key,
    fingerprint,
    recipient_uri,
)

PUBLIC, PRIVATE, PROTECTED = "PUBLIC KEY", "PRIVATE KEY", "ENCRYPTED PRIVATE KEY"

_BLOCK = re.compile(rb"-----BEGIN ([A-Z0-9 ]+)-----\s(.*?)-----END \1-----", re.DOTALL)


@dataclass(frozen=True, slots=True, repr=False)
class KeyFile:
    """The blocks of one key file, none opened yet."""

    uri: str
    blocks: dict[str, bytes]

    @property
    def has_private_key(self) -> bool:
        """Whether anything in this file could unwrap."""
        return PRIVATE in self.blocks or self.is_protected

    @property
    def is_protected(self) -> bool:
        """Whether its private half needs a passphrase."""
        return PROTECTED in self.blocks

    def public_key(self) -> PublicKey:
        """Return the public half, with no passphrase.

        Raises:
            PolicyError: of a kind or size that may not wrap.
            UsageError: no public half, or none that can be read.
        """
        if PUBLIC in self.blocks:
            try:
                return accept_public_key(load_der_public_key(self.blocks[PUBLIC]))
            except (ValueError, UnsupportedAlgorithm):
                raise UsageError(f"{self.uri} holds a public key that cannot be read") from None
        if PRIVATE in self.blocks:
            return self._unprotected().public_key()
        raise UsageError(f"{self.uri} holds no public key; add it with `openssl pkey -pubout`")

    def private_key(self, passphrase: Passphrase | None) -> PrivateKey:
        """Return the private half.

        Raises:
            KeyDeniedError: the file holds none, or no passphrase was given for a protected one.
            KeyMismatchError: wrong passphrase, or not the other half of the public key beside it.
            PolicyError: of a kind or size, or under a protection, that is not accepted.
        """
        if self.is_protected:
            if passphrase is None:
                raise KeyDeniedError(f"{self.uri} is protected and no passphrase source was given")
            from proofkeep.keys.pkcs8 import open_private_key  # noqa: PLC0415 - backup hosts have public halves only

            key = open_private_key(self.blocks[PROTECTED], passphrase(), self.uri)
        elif PRIVATE in self.blocks:
            key = self._unprotected()
        else:
            raise KeyDeniedError(f"{self.uri} holds no private key")
        if PUBLIC in self.blocks and fingerprint(key.public_key()) != fingerprint(self.public_key()):
            raise KeyMismatchError(f"{self.uri} holds two halves that are not of one key")
        return key

    def _unprotected(self) -> PrivateKey:
        try:
            key = load_der_private_key(self.blocks[PRIVATE], None)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            raise UsageError(f"{self.uri} holds a private key that cannot be read") from None
        return accept_private_key(key)


def read_key_file(path: Path, uri: str, *, credential: bool = False) -> KeyFile:
    """Read a key file and check its owner and mode against what it holds.

    Raises:
        KeyMissingError: there is no such file, or this user cannot read it.
        PolicyError: its owner or mode gives others more than what it holds allows.
        UsageError: it is no key file.
    """
    content, state = read_file(path, uri, None)
    key_file = KeyFile(uri, _parse(content, uri))
    if credential:
        privacy = Privacy.CREDENTIAL
    elif key_file.has_private_key:
        privacy = Privacy.PRIVATE
    else:
        privacy = Privacy.PUBLIC
    privacy.check(state, uri)
    return key_file


def create_key_file(path: Path, passphrase: Passphrase | None) -> str:
    """Make a P-384 key pair, write both halves to one new 0600 file, and return the recipient URI.

    Args:
        passphrase: protects the private half; None leaves it in clear, for keys kept by systemd or offline.

    Raises:
        PolicyError: the passphrase is too short.
        UsageError: the file exists.
    """
    key = ec.generate_private_key(ec.SECP384R1())
    if passphrase is None:
        clear = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
        private_block = _pem(PRIVATE, clear)
    else:
        from proofkeep.keys.pkcs8 import protect_private_key  # noqa: PLC0415 - as above

        protected = protect_private_key(key, accept_new_passphrase(passphrase()))
        private_block = _pem(PROTECTED, protected)
    create_file(path, f"file:{path}", public_pem(key.public_key()) + private_block)
    return recipient_uri(key.public_key())


def export_public_key(path: Path, public_path: Path) -> str:
    """Write the public half of a key file to a new 0644 file for backup hosts, and return the recipient URI."""
    public_key = read_key_file(path, f"file:{path}").public_key()
    create_file(public_path, f"file:{public_path}", public_pem(public_key), mode=0o644)
    return recipient_uri(public_key)


def public_pem(key: PublicKey) -> bytes:
    """The `PUBLIC KEY` block of a key file."""
    return _pem(PUBLIC, key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))


def _parse(content: bytes, uri: str) -> dict[str, bytes]:
    blocks: dict[str, bytes] = {}
    for match in _BLOCK.finditer(content):
        label = match[1].decode()
        if label not in (PUBLIC, PRIVATE, PROTECTED):
            raise UsageError(f"{uri} holds a block {label!r}; convert private keys with `openssl pkcs8 -topk8`")
        if label in blocks:
            raise UsageError(f"{uri} holds more than one block {label!r}")
        try:
            blocks[label] = base64.b64decode(b"".join(match[2].split()), validate=True)
        except binascii.Error:
            raise UsageError(f"{uri} holds a block {label!r} that is not base64") from None
    if not blocks:
        raise UsageError(f"{uri} is no key file: it holds no pem block")
    if PRIVATE in blocks and PROTECTED in blocks:
        raise UsageError(f"{uri} holds a private key twice, once in clear")
    return blocks


def _pem(label: str, der: bytes) -> bytes:
    text = base64.b64encode(der)
    lines = b"".join(text[start : start + 64] + b"\n" for start in range(0, len(text), 64))
    return b"-----BEGIN %b-----\n%b-----END %b-----\n" % (label.encode(), lines, label.encode())
