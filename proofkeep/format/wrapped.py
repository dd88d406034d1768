"""Wrapped data keys, and the host secret wrapped in the same way (format.md section 5)."""

from typing import Any

import msgspec

from proofkeep import canonical
from proofkeep.errors import AuthenticationError, MalformedError
from proofkeep.format import documents, instants, names
from proofkeep.model import WrappedKey

NOBODY = bytes(16)
"""Writer and data key of a wrapped host secret, which has neither."""


class WrappedDataKey(msgspec.Struct, frozen=True):
    """One data key wrapped for one recipient, as stored."""

    writer: bytes
    data_key: bytes
    epoch: int
    generation: int
    wrapped: WrappedKey
    created_at_ns: int
    supersedes: str | None = None

    @property
    def name(self) -> str:
        """The object's name."""
        return names.wrapped_key(self.writer, self.data_key, self.wrapped.recipient, self.generation)


def context(repository: bytes, writer: bytes, data_key: bytes) -> dict[str, str]:
    """What a wrapped key is bound to; computed by both sides, never read."""
    return {
        "proofkeep:data-key": data_key.hex(),
        "proofkeep:repository": repository.hex(),
        "proofkeep:writer": writer.hex(),
    }


def seal_wrapped(key: bytes, repository: bytes, entry: WrappedDataKey) -> bytes:
    """The object's bytes; `key` is the ledger MAC key of `entry.epoch`."""
    return documents.seal_document(
        key,
        {
            "repository": repository.hex(),
            "writer": entry.writer.hex(),
            "data_key": entry.data_key.hex(),
            "epoch": entry.epoch,
            "generation": entry.generation,
            "recipient": entry.wrapped.recipient,
            "ciphertext": entry.wrapped.ciphertext.hex(),
            "material_id": entry.wrapped.material_id,
            "request_id": entry.wrapped.request_id,
            "created_at": instants.to_text(entry.created_at_ns),
            "supersedes": entry.supersedes,
        },
    )


def peek_epoch(data: bytes, subject: str) -> int:
    """Which epoch's ledger MAC key vouches for it."""
    return documents.require_int(documents.peek_document(data, subject), "epoch", subject)


def open_wrapped(key: bytes, repository: bytes, name: str, data: bytes) -> WrappedDataKey:
    """The wrapped key that lies under `name`, once its MAC holds. Raises `IntegrityError` of the kind met."""
    subject = f"wrapped key {name}"
    document = documents.open_document(key, data, subject)
    ciphertext = documents.require_str(document, "ciphertext", subject)
    try:
        wrapped = WrappedKey(
            documents.require_str(document, "recipient", subject),
            bytes.fromhex(ciphertext),
            document.get("material_id"),
            document.get("request_id"),
        )
    except ValueError:
        raise MalformedError(f"{subject} has no valid member ciphertext") from None
    entry = WrappedDataKey(
        documents.require_bytes(document, "writer", 16, subject),
        documents.require_bytes(document, "data_key", 16, subject),
        documents.require_int(document, "epoch", subject),
        documents.require_int(document, "generation", subject),
        wrapped,
        instants.from_text(document.get("created_at"), subject),
        document.get("supersedes"),
    )
    if entry.name != name or documents.require_bytes(document, "repository", 16, subject) != repository:
        raise AuthenticationError(f"{subject} names another place than its own")
    return entry


class WrappedSecret(msgspec.Struct, frozen=True):
    """The host secret wrapped for one recipient, as stored. No MAC vouches for it: what it holds has to be tried."""

    generation: int
    wrapped: WrappedKey
    created_at_ns: int
    supersedes: str | None = None

    @property
    def name(self) -> str:
        """The object's name."""
        return names.wrapped_secret(self.wrapped.recipient, self.generation)


def secret_context(repository: bytes) -> dict[str, str]:
    """What a wrapped host secret is bound to: the context of a data key and a writer that do not exist."""
    return context(repository, NOBODY, NOBODY)


def encode_secret(repository: bytes, entry: WrappedSecret) -> bytes:
    """The object's bytes."""
    return canonical.to_json(
        {
            "v": documents.VERSION,
            "repository": repository.hex(),
            "writer": NOBODY.hex(),
            "data_key": NOBODY.hex(),
            "generation": entry.generation,
            "recipient": entry.wrapped.recipient,
            "ciphertext": entry.wrapped.ciphertext.hex(),
            "material_id": entry.wrapped.material_id,
            "request_id": entry.wrapped.request_id,
            "created_at": instants.to_text(entry.created_at_ns),
            "supersedes": entry.supersedes,
        }
    )


def decode_secret(repository: bytes, name: str, data: bytes) -> WrappedSecret:
    """The wrapped host secret that lies under `name`.

    Raises:
        MalformedError, UnsupportedVersionError.
        AuthenticationError: it names another repository, recipient or generation than its place, or a writer.
    """
    subject = f"wrapped host secret {name}"
    document = documents.peek_document(data, subject)
    if "mac" in document or "epoch" in document:
        raise MalformedError(f"{subject} has members of a wrapped data key")
    ciphertext = documents.require_str(document, "ciphertext", subject)
    recipient = documents.require_str(document, "recipient", subject)
    if not recipient.isascii():
        raise MalformedError(f"{subject} names a recipient that is no uri")
    entry = WrappedSecret(
        documents.require_int(document, "generation", subject),
        WrappedKey(
            recipient,
            documents.require_bytes(document, "ciphertext", len(ciphertext) // 2, subject),
            _text_or_none(document, "material_id", subject),
            _text_or_none(document, "request_id", subject),
        ),
        instants.from_text(document.get("created_at"), subject),
        _text_or_none(document, "supersedes", subject),
    )
    place = [documents.require_bytes(document, member, 16, subject) for member in ("repository", "writer", "data_key")]
    if entry.generation < 1 or entry.name != name or place != [repository, NOBODY, NOBODY]:
        raise AuthenticationError(f"{subject} names another place than its own")
    return entry


def _text_or_none(document: dict[str, Any], member: str, subject: str) -> str | None:
    return None if document.get(member) is None else documents.require_str(document, member, subject)
