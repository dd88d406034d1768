"""Host keys: what an enrolled host may hold, derived from its secret one epoch at a time (format.md section 4)."""

import hmac
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC

from proofkeep.crypto.kdf import derive
from proofkeep.ports import HostSecret

_PREFIX = b"proofkeep/v1/"
_SHORT = 16 << 10  # above, letting other threads run meanwhile is worth more than a key that is set already


def digest(key: bytes, message: bytes | memoryview) -> bytes:
    """HMAC-SHA-256, 32 bytes."""
    return hmac.digest(key, message, "sha256")


def content_digest(key: bytes, content: bytes | memoryview) -> bytes:
    """HMAC-SHA-256 of a chunk, 32 bytes; keying costs as much as a thousand bytes do."""
    if len(content) > _SHORT:
        return hmac.digest(key, content, "sha256")
    code = _keyed(key).copy()
    code.update(content)
    return code.finalize()


@lru_cache(maxsize=16)
def _keyed(key: bytes) -> HMAC:
    return HMAC(key, SHA256())


def names(keys: Iterable[bytes], content: bytes | memoryview, identity: bytes) -> bool:
    """Whether `identity` is the name of `content` under one of the keys."""
    for key in keys:  # noqa: SIM110 - asked of every chunk, and a generator costs as much as comparing
        if hmac.compare_digest(content_digest(key, content), identity):
            return True
    return False


def epoch_secret(secret: HostSecret, repository: bytes, epoch: int, random: bytes) -> bytes:
    """E(n), 32 bytes; on AWS one `kms:GenerateMac` call."""
    return secret.mac(_PREFIX + b"epoch\x00" + repository + epoch.to_bytes(4, "big") + random)


@dataclass(frozen=True, slots=True, repr=False)
class EpochKeys:
    """The keys of one epoch: sealing of indexes, and MACs."""

    epoch: int
    index: bytes
    ledger: bytes


@dataclass(frozen=True, slots=True, repr=False)
class IdKeys:
    """The keys of one id generation; they name content and open none.

    Attributes:
        epoch: the epoch they derive from.
        seed: of the chunker, 64 bits.
    """

    epoch: int
    chunk: bytes
    segment: bytes
    path: bytes
    seed: int
    _path_mac: HMAC = field(init=False, compare=False)

    def __post_init__(self) -> None:
        """Key the path code once: keying costs more than a path's code does."""
        object.__setattr__(self, "_path_mac", HMAC(self.path, SHA256()))

    def chunk_id(self, data: bytes | memoryview) -> bytes:
        """32 bytes that name a chunk."""
        return content_digest(self.chunk, data)

    def segment_id(self, data: bytes | memoryview) -> bytes:
        """32 bytes that name a manifest segment."""
        return hmac.digest(self.segment, data, "sha256")

    def path_id(self, path: bytes) -> bytes:
        """16 bytes that name a file towards Prefect, logs and catalog."""
        return self.path_code(path)[:16]

    def path_code(self, message: bytes) -> bytes:
        """HMAC-SHA-256 of a short message under the path key, 32 bytes."""
        code = self._path_mac.copy()
        code.update(message)
        return code.finalize()

    def file_digest(self, size: int, extents: Sequence[int], chunk_ids: bytes) -> bytes:
        """32 bytes that prove a file's content to who holds the key, and tell nothing to others.

        `extents` is the manifest's flat array of offsets and lengths; empty for a file without holes.
        """
        places = b"".join(value.to_bytes(8, "big") for value in extents)
        head = b"file\x00" + size.to_bytes(8, "big") + (len(extents) // 2).to_bytes(4, "big")
        return hmac.digest(self.chunk, head + places + chunk_ids, "sha256")


@dataclass(frozen=True, slots=True, repr=False)
class HostKeys:
    """Everything an enrolled host derives.

    Attributes:
        epochs: keys by epoch number; all that objects in the repository use.
        newest: the epoch new objects are written under.
        ids: keys of the newest id generation.
        entry: names inventory entries, from epoch 1 for ever.
        earlier_ids: keys of older id generations, which older snapshots still need.
    """

    repository: bytes
    epochs: dict[int, EpochKeys]
    newest: int
    ids: IdKeys
    entry: bytes
    earlier_ids: tuple[IdKeys, ...] = ()

    @property
    def current(self) -> EpochKeys:
        """Keys of the newest epoch."""
        return self.epochs[self.newest]

    def entry_id(self, name: str) -> bytes:
        """16 bytes that name an inventory entry in object names."""
        return digest(self.entry, name.encode())[:16]


def derive_epoch_keys(secret: bytes, repository: bytes, epoch: int) -> EpochKeys:
    """The keys of an epoch from its secret E(n)."""
    context = repository + epoch.to_bytes(4, "big")
    return EpochKeys(
        epoch,
        derive(secret, _PREFIX + b"index", context, 32),
        derive(secret, _PREFIX + b"ledger", context, 32),
    )


def derive_id_keys(secret: bytes, repository: bytes, epoch: int) -> IdKeys:
    """The id keys of the generation that began with this epoch."""
    context = repository + epoch.to_bytes(4, "big")
    return IdKeys(
        epoch,
        derive(secret, _PREFIX + b"chunk-id", context, 32),
        derive(secret, _PREFIX + b"segment-id", context, 32),
        derive(secret, _PREFIX + b"path-id", context, 32),
        int.from_bytes(derive(secret, _PREFIX + b"chunker-seed", context, 8), "big"),
    )


def derive_entry_key(secret: bytes, repository: bytes) -> bytes:
    """The entry-id key from E(1)."""
    return derive(secret, _PREFIX + b"entry-id", repository + (1).to_bytes(4, "big"), 32)
