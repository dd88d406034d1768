"""AES-256-GCM on bytes bound to their context (SP 800-38D). Knows no layout but nonce, text, tag."""

import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from proofkeep.errors import AuthenticationError

NONCE_SIZE = 12
TAG_SIZE = 16
OVERHEAD = NONCE_SIZE + TAG_SIZE


class SealingKey:
    """One 32-byte object key, ready to use; safe in several threads.

    The only class that touches the cipher, so that another validated module can take its place.
    """

    __slots__ = ("_cipher",)

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)

    def seal(self, associated: bytes, data: bytes | bytearray | memoryview) -> bytearray:
        """`nonce || ciphertext || tag`, 28 bytes more than `data`; the nonce is made here, 12 random bytes."""
        sealed = bytearray(len(data) + OVERHEAD)
        nonce = os.urandom(NONCE_SIZE)
        sealed[:NONCE_SIZE] = nonce
        self._cipher.encrypt_into(nonce, data, associated, memoryview(sealed)[NONCE_SIZE:])
        return sealed

    def open(self, associated: bytes, sealed: bytes | bytearray | memoryview, subject: str) -> bytes:
        """The plaintext of `sealed`; `subject` names it in errors.

        Raises:
            AuthenticationError: another key, other associated data, or altered bytes.
        """
        if len(sealed) < OVERHEAD:
            raise AuthenticationError(f"{subject} is too short to open")
        view = memoryview(sealed)
        try:
            return self._cipher.decrypt(bytes(view[:NONCE_SIZE]), view[NONCE_SIZE:], associated)
        except InvalidTag:
            raise AuthenticationError(f"{subject} failed authentication") from None
