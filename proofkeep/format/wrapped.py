"""Wrapped data keys (format.md section 5)."""

from dataclasses import dataclass

from proofkeep.errors import AuthenticationError, MalformedError
from proofkeep.format import documents, instants, names
from proofkeep.model import WrappedKey


@dataclass(frozen=True, slots=True)
class WrappedDataKey:
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
