"""The host secret as a file or systemd credential: 32 random bytes, the one stated exception to "keys never rest".

It derives index, ledger and id keys and opens no content. It is read for each use and never kept, so that a pickled
or printed object tells nothing. Wrapping it for a recipient reuses `wrapping` under a purpose of its own.
"""

import hmac
import secrets
from collections.abc import Mapping
from pathlib import Path

from proofkeep.errors import KeyMismatchError, UsageError
from proofkeep.keys.private_files import Privacy, create_file, credential_path, read_file
from proofkeep.keys.recipients import PrivateKey, PublicKey, accept_public_key, recipient_uri
from proofkeep.keys.wrapping import KEY_SIZE, PURPOSE_HOST_SECRET, unwrap_with, wrap_for
from proofkeep.model import WrappedKey

MESSAGE_LIMIT = 4_096


class FileHostSecret:
    """Implements `HostSecret` over a file that only its owner may read."""

    def __init__(self, path: Path) -> None:
        self._path = path.absolute()

    @property
    def uri(self) -> str:
        """`file:<absolute path>`."""
        return f"file:{self._path}"

    def mac(self, message: bytes) -> bytes:
        """HMAC-SHA-256 under the secret.

        Raises:
            KeyMissingError, PolicyError, UsageError: as `read_secret`, or the message is over 4,096 bytes.
        """
        return _mac(self.read_secret(), message)

    def read_secret(self) -> bytes:
        """The 32 bytes themselves, for wrapping and enrolment only.

        Raises:
            KeyMissingError: there is no such file, or this user cannot read it.
            PolicyError: others may read it.
            UsageError: it is not 32 bytes long.
        """
        return _checked(read_file(self._path, self.uri, Privacy.PRIVATE)[0], self.uri)


class CredentialHostSecret:
    """Implements `HostSecret` over a credential that systemd hands to the unit."""

    def __init__(self, name: str) -> None:
        self._name = name

    @property
    def uri(self) -> str:
        """`credential:<name>`."""
        return f"credential:{self._name}"

    def mac(self, message: bytes) -> bytes:
        """HMAC-SHA-256 under the secret; raises as `FileHostSecret.mac`."""
        return _mac(self.read_secret(), message)

    def read_secret(self) -> bytes:
        """The 32 bytes themselves; raises as `FileHostSecret.read_secret`."""
        path = credential_path(self._name, self.uri)
        return _checked(read_file(path, self.uri, Privacy.CREDENTIAL)[0], self.uri)


def create_host_secret(path: Path) -> FileHostSecret:
    """Write 32 random bytes to a new 0600 file, fsynced; raises `UsageError` if there is one already."""
    return store_host_secret(path, secrets.token_bytes(KEY_SIZE))


def store_host_secret(path: Path, secret: bytes) -> FileHostSecret:
    """Write a secret received by enrolment to a new 0600 file, fsynced; raises `UsageError` if there is one."""
    host_secret = FileHostSecret(path)
    create_file(path.absolute(), host_secret.uri, _checked(secret, "host secret"))
    return host_secret


def wrap_secret(secret: bytes, recipient: PublicKey, context: Mapping[str, str]) -> WrappedKey:
    """Wrap the host secret for one recipient of the repository, bound to `context`."""
    key = accept_public_key(recipient)
    return WrappedKey(recipient_uri(key), wrap_for(key, secret, purpose=PURPOSE_HOST_SECRET, context=context))


def unwrap_secret(wrapped: WrappedKey, private_key: PrivateKey, context: Mapping[str, str]) -> bytes:
    """The host secret again; raises `KeyMismatchError` for another key, context or altered bytes."""
    recipient = recipient_uri(private_key.public_key())
    if wrapped.recipient != recipient:
        raise KeyMismatchError(f"wrapped host secret is for {wrapped.recipient}, not for {recipient}")
    return unwrap_with(private_key, wrapped.ciphertext, purpose=PURPOSE_HOST_SECRET, context=context)


def _mac(secret: bytes, message: bytes) -> bytes:
    if len(message) > MESSAGE_LIMIT:
        raise UsageError(f"message is {len(message)} bytes, a host secret takes at most {MESSAGE_LIMIT}")
    return hmac.digest(secret, message, "sha256")


def _checked(secret: bytes, uri: str) -> bytes:
    if len(secret) != KEY_SIZE:
        raise UsageError(f"{uri} is {len(secret)} bytes, must be {KEY_SIZE}")
    return secret
