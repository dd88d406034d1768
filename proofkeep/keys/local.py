"""Key provider over a local key pair: public half on the backup host, private half with the restore role.

The split that a KMS gives by policy comes here from where the private half lies: a host without it cannot unwrap.
Where the file has both halves, the passphrase is the split. What is wrapped how is told in `wrapping`.
"""

import secrets
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from proofkeep.errors import KeyDeniedError, KeyMismatchError, ProofkeepError
from proofkeep.keys import host_secret
from proofkeep.keys.key_files import read_key_file
from proofkeep.keys.passphrases import Passphrase
from proofkeep.keys.recipients import PrivateKey, PublicKey, accept_public_key, recipient_uri
from proofkeep.keys.wrapping import KEY_SIZE, PURPOSE_DATA_KEY, unwrap_with, wrap_for
from proofkeep.model import Clock, GeneratedKey, WrappedKey


class LocalKeyProvider:
    """Implements `KeyProvider`; safe in several threads.

    Args:
        public_key: P-384, or RSA of 3072 bits or more.
        unlock: gives the private half, called at most once; None on a host that may only wrap.

    Raises:
        PolicyError: the key is of a kind or size that may not wrap.
    """

    def __init__(self, public_key: PublicKey, unlock: Callable[[], PrivateKey] | None = None) -> None:
        self._public_key = accept_public_key(public_key)
        self._recipient = recipient_uri(public_key)
        self._unlock = unlock
        self._private_key: PrivateKey | None = None
        self._unlocking = threading.Lock()

    @property
    def recipient(self) -> str:
        """`p384:<fingerprint>` or `rsa:<fingerprint>`."""
        return self._recipient

    @property
    def clock(self) -> Clock | None:
        """None: a file knows no time."""
        return None

    def generate(self, context: Mapping[str, str]) -> GeneratedKey:
        """Make a random data key and wrap it."""
        data_key = secrets.token_bytes(KEY_SIZE)
        return GeneratedKey(data_key, self.wrap(data_key, context))

    def wrap(self, data_key: bytes, context: Mapping[str, str]) -> WrappedKey:
        """Wrap a data key for this recipient."""
        ciphertext = wrap_for(self._public_key, data_key, purpose=PURPOSE_DATA_KEY, context=context)
        return WrappedKey(self._recipient, ciphertext)

    def unwrap(self, wrapped: WrappedKey, context: Mapping[str, str]) -> bytes:
        """Unwrap with the private half.

        Raises:
            KeyDeniedError: this host has no private half.
            KeyMismatchError: wrapped for another recipient or context, altered, or the passphrase is wrong.
        """
        private_key = self._unlocked()
        if wrapped.recipient != self._recipient:
            raise KeyMismatchError(f"wrapped key is for {wrapped.recipient}, not for {self._recipient}")
        return unwrap_with(private_key, wrapped.ciphertext, purpose=PURPOSE_DATA_KEY, context=context)

    def unlock(self) -> None:
        """Derive the passphrase's key (0.1 s and more) in a thread, which holds up nobody."""
        if self._unlock is not None:
            threading.Thread(target=self._unlock_quietly, name="unlocking", daemon=True).start()

    def _unlock_quietly(self) -> None:
        with suppress(ProofkeepError):
            self._unlocked()

    def wrap_secret(self, secret: bytes, context: Mapping[str, str]) -> WrappedKey:
        """Wrap a host secret for this recipient, under a label of its own."""
        return host_secret.wrap_secret(secret, self._public_key, context)

    def unwrap_secret(self, wrapped: WrappedKey, context: Mapping[str, str]) -> bytes:
        """Unwrap a host secret with the private half; raises as `unwrap`."""
        return host_secret.unwrap_secret(wrapped, self._unlocked(), context)

    def _unlocked(self) -> PrivateKey:
        if self._unlock is None:
            raise KeyDeniedError(f"{self._recipient} can only wrap here: its private key is not on this host")
        with self._unlocking:
            if self._private_key is None:
                self._private_key = self._unlock()
            return self._private_key


def load_key_provider(
    path: Path,
    uri: str,
    *,
    passphrase: Passphrase | None = None,
    credential: bool = False,
    expected_recipient: str = "",
) -> LocalKeyProvider:
    """Build the provider that a key file allows: one that only wraps, or one that unwraps too.

    Args:
        uri: names the file in errors.
        passphrase: for a protected private half; without it the provider only wraps.
        expected_recipient: when given, any other public key in the file is refused.

    Raises:
        KeyMissingError, PolicyError, UsageError: as `read_key_file`.
        KeyMismatchError: the file holds another key than expected.
    """
    key_file = read_key_file(path, uri, credential=credential)
    public_key = key_file.public_key()
    if expected_recipient and recipient_uri(public_key) != expected_recipient:
        raise KeyMismatchError(f"{uri} holds {recipient_uri(public_key)}, expected {expected_recipient}")
    may_unwrap = key_file.has_private_key and not (key_file.is_protected and passphrase is None)
    return LocalKeyProvider(public_key, (lambda: key_file.private_key(passphrase)) if may_unwrap else None)
