"""Ledger entries: checksums and facts of stored objects, chained per writer (format.md section 11)."""

import hmac
from typing import Any

import msgspec

from proofkeep.errors import AuthenticationError, LedgerMismatchError, MalformedError
from proofkeep.format import documents, instants
from proofkeep.model import TlsSession

MAX_ENTRY = 8 << 20
FIRST_PREVIOUS = bytes(32)


class StoredObject(msgspec.Struct, frozen=True):
    """What the ledger says of one object; instants in ns.

    Attributes:
        type: `pack`, `key`, `index` or `record`.
        verified_by: `store` (its own SHA-256, where the probe saw it checked) or `read-back`.
    """

    name: str
    type: str
    length: int
    sha256: bytes
    version_id: str | None
    uploaded_at_ns: int
    verified_at_ns: int
    verified_by: str
    attempts: int
    tls: TlsSession | None


class LedgerEntry(msgspec.Struct, frozen=True):
    """One link of a writer's chain.

    Attributes:
        kind: `transfer`, `index` or `close`.
        previous: SHA-256 of the entry before; 32 zero bytes for the first.
        heads: newest (sequence, SHA-256) seen of each other writer, by writer.
        run, session: as format.md's table lists them.
    """

    writer: bytes
    sequence: int
    epoch: int
    at_ns: int
    kind: str
    previous: bytes
    objects: tuple[StoredObject, ...]
    run: dict[str, Any]
    session: dict[str, Any] | None = None
    heads: dict[bytes, tuple[int, bytes]] = msgspec.field(default_factory=dict)


def object_hmac(key: bytes, repository: bytes, name: str, kind: str, length: int, sha256: bytes) -> bytes:
    """The keyed checksum of one object."""
    fields = (name.encode(), kind.encode(), length.to_bytes(8, "big") + sha256)
    return hmac.digest(key, b"object\x00" + repository + b"\x00".join(fields), "sha256")


def seal_entry(key: bytes, repository: bytes, entry: LedgerEntry) -> bytes:
    """The entry's bytes; `key` is the ledger MAC key of `entry.epoch`.

    Raises:
        MalformedError: they are more than a reader takes.
    """
    body = documents.seal_document(
        key,
        {
            "repository": repository.hex(),
            "writer": entry.writer.hex(),
            "sequence": entry.sequence,
            "epoch": entry.epoch,
            "at": instants.to_text(entry.at_ns),
            "kind": entry.kind,
            "previous": entry.previous.hex(),
            "heads": {
                writer.hex(): {"sequence": sequence, "sha256": digest.hex()}
                for writer, (sequence, digest) in entry.heads.items()
            },
            "objects": [_encode_object(key, repository, item) for item in entry.objects],
            "run": entry.run,
            "session": entry.session,
        },
    )
    if len(body) > MAX_ENTRY:
        raise MalformedError(f"ledger entry {entry.writer.hex()}/{entry.sequence:08x} is larger than readers take")
    return body


def _encode_object(key: bytes, repository: bytes, item: StoredObject) -> dict[str, Any]:
    tls = item.tls
    return {
        "name": item.name,
        "type": item.type,
        "length": item.length,
        "sha256": item.sha256.hex(),
        "hmac": object_hmac(key, repository, item.name, item.type, item.length, item.sha256).hex(),
        "version_id": item.version_id,
        "uploaded_at": instants.to_text(item.uploaded_at_ns),
        "verified_at": instants.to_text(item.verified_at_ns),
        "verified_by": item.verified_by,
        "attempts": item.attempts,
        "tls": tls and {"version": tls.version, "cipher": tls.cipher, "peer_sha256": tls.peer_sha256},
    }


def peek_epoch(data: bytes, subject: str) -> int:
    """Which epoch's ledger MAC key vouches for the entry."""
    return documents.require_int(documents.peek_document(data, subject), "epoch", subject)


def open_entry(key: bytes, repository: bytes, writer: bytes, sequence: int, data: bytes) -> LedgerEntry:
    """The entry of that writer and sequence, once its MAC and its objects' HMACs hold.

    Raises:
        AuthenticationError, MalformedError, LedgerMismatchError.
    """
    subject = f"ledger entry {writer.hex()}/{sequence:08x}"
    document = documents.open_document(key, data, subject)
    if (
        documents.require_bytes(document, "repository", 16, subject) != repository
        or documents.require_bytes(document, "writer", 16, subject) != writer
        or documents.require_int(document, "sequence", subject) != sequence
    ):
        raise AuthenticationError(f"{subject} names another place than its own")
    try:
        return LedgerEntry(
            writer,
            sequence,
            documents.require_int(document, "epoch", subject),
            instants.from_text(document["at"], subject),
            documents.require_str(document, "kind", subject),
            documents.require_bytes(document, "previous", 32, subject),
            tuple(_decode_object(key, repository, item, subject) for item in document["objects"]),
            dict(document["run"]),
            document["session"],
            {
                bytes.fromhex(other): (int(head["sequence"]), bytes.fromhex(head["sha256"]))
                for other, head in document["heads"].items()
            },
        )
    except (KeyError, TypeError, ValueError, AttributeError):
        raise MalformedError(f"{subject} lacks a member") from None


def _decode_object(key: bytes, repository: bytes, item: dict[str, Any], subject: str) -> StoredObject:
    tls = item["tls"]
    stored = StoredObject(
        documents.require_str(item, "name", subject),
        documents.require_str(item, "type", subject),
        documents.require_int(item, "length", subject),
        documents.require_bytes(item, "sha256", 32, subject),
        item["version_id"],
        instants.from_text(item["uploaded_at"], subject),
        instants.from_text(item["verified_at"], subject),
        documents.require_str(item, "verified_by", subject),
        documents.require_int(item, "attempts", subject),
        None if tls is None else TlsSession(tls["version"], tls["cipher"], tls["peer_sha256"]),
    )
    expected = object_hmac(key, repository, stored.name, stored.type, stored.length, stored.sha256)
    if not hmac.compare_digest(expected, documents.require_bytes(item, "hmac", 32, subject)):
        raise LedgerMismatchError(f"{subject} holds a checksum of {stored.name} that is not keyed to it")
    return stored
