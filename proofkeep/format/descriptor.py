"""The repository's descriptor and its epochs (format.md sections 3 and 4)."""

import msgspec
from msgspec import structs

from proofkeep.chunking import ChunkSizes
from proofkeep.errors import AuthenticationError, MalformedError
from proofkeep.format import documents, instants
from proofkeep.model import Capabilities


class Descriptor(msgspec.Struct, frozen=True):
    """What is fixed when a repository is made.

    Attributes:
        host_secret: the URI scheme of the host secret.
        recipients: KEK URIs; the first one generates data keys.
        retention_key: SubjectPublicKeyInfo (DER) of the retention role, or None.
        lock_days: Object Lock period of new objects, or None.
    """

    repository: bytes
    created_at_ns: int
    capabilities: Capabilities
    ledger_capabilities: Capabilities
    chunker: ChunkSizes
    host_secret: str
    recipients: tuple[str, ...]
    retention_key: bytes | None
    lock_days: int | None


def seal_descriptor(key: bytes, descriptor: Descriptor) -> bytes:
    """The object `repository`; `key` is the ledger MAC key of epoch 1."""
    return documents.seal_document(
        key,
        {
            "repository": descriptor.repository.hex(),
            "created_at": instants.to_text(descriptor.created_at_ns),
            "capabilities": structs.asdict(descriptor.capabilities),
            "ledger_capabilities": structs.asdict(descriptor.ledger_capabilities),
            "chunker": structs.asdict(descriptor.chunker),
            "host_secret": descriptor.host_secret,
            "recipients": list(descriptor.recipients),
            "retention_key": descriptor.retention_key.hex() if descriptor.retention_key else None,
            "lock_days": descriptor.lock_days,
        },
    )


def peek_repository(data: bytes) -> bytes:
    """The repository's id before the MAC can be checked, to derive the key that checks it."""
    subject = "repository descriptor"
    return documents.require_bytes(documents.peek_document(data, subject), "repository", 16, subject)


def open_descriptor(key: bytes, data: bytes) -> Descriptor:
    """The descriptor, once its MAC holds.

    Raises:
        AuthenticationError, MalformedError, UnsupportedVersionError.
    """
    subject = "repository descriptor"
    document = documents.open_document(key, data, subject)
    try:
        retention = document["retention_key"]
        return Descriptor(
            documents.require_bytes(document, "repository", 16, subject),
            instants.from_text(document["created_at"], subject),
            _capabilities(document["capabilities"]),
            _capabilities(document["ledger_capabilities"]),
            ChunkSizes(**{name: int(document["chunker"][name]) for name in ("minimum", "average", "maximum")}),
            documents.require_str(document, "host_secret", subject),
            tuple(map(str, document["recipients"])),
            None if retention is None else bytes.fromhex(retention),
            None if document["lock_days"] is None else int(document["lock_days"]),
        )
    except (KeyError, TypeError, ValueError):
        raise MalformedError(f"{subject} lacks a member") from None


def _capabilities(members: dict[str, bool]) -> Capabilities:
    names = ("refuses_second_create", "refuses_wrong_digest", "refuses_overwrite", "refuses_delete")
    return Capabilities(*(members[name] is True for name in names))


class Epoch(msgspec.Struct, frozen=True):
    """One epoch: 32 random bytes its secret derives from, and the epoch whose id keys are in use."""

    repository: bytes
    number: int
    random: bytes
    id_epoch: int
    created_at_ns: int


def seal_epoch(key: bytes, epoch: Epoch) -> bytes:
    """The object `epochs/<number>`; `key` is this epoch's own ledger MAC key."""
    return documents.seal_document(
        key,
        {
            "repository": epoch.repository.hex(),
            "epoch": epoch.number,
            "random": epoch.random.hex(),
            "id_epoch": epoch.id_epoch,
            "created_at": instants.to_text(epoch.created_at_ns),
        },
    )


def peek_random(data: bytes, number: int) -> bytes:
    """The 32 random bytes, to derive the keys that check the rest."""
    subject = f"epoch {number}"
    return documents.require_bytes(documents.peek_document(data, subject), "random", 32, subject)


def peek_epoch_repository(data: bytes, number: int) -> bytes:
    """The repository's id, where no descriptor tells it yet, to derive the keys that check the rest."""
    subject = f"epoch {number}"
    return documents.require_bytes(documents.peek_document(data, subject), "repository", 16, subject)


def open_epoch(key: bytes, repository: bytes, number: int, data: bytes) -> Epoch:
    """The epoch of that number, once its MAC holds. Raises `IntegrityError` of the kind met."""
    subject = f"epoch {number}"
    document = documents.open_document(key, data, subject)
    epoch = Epoch(
        documents.require_bytes(document, "repository", 16, subject),
        documents.require_int(document, "epoch", subject),
        documents.require_bytes(document, "random", 32, subject),
        documents.require_int(document, "id_epoch", subject),
        instants.from_text(document.get("created_at"), subject),
    )
    if epoch.repository != repository or epoch.number != number or not 1 <= epoch.id_epoch <= number:
        raise AuthenticationError(f"{subject} names another repository, epoch or id epoch than its place")
    return epoch
