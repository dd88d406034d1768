"""The fixed repository that all vectors belong to: its ids, secrets, keys, epoch and descriptor (sections 3 and 4)."""

import hashlib
import struct
from collections.abc import Mapping
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.vectors.making.encoding import fixed, kdf, mac, with_mac

REPOSITORY = fixed("repository", 16)
OTHER_REPOSITORY = fixed("other repository", 16)
WRITER = fixed("writer", 16)
OTHER_WRITER = fixed("other writer", 16)
RUN = fixed("run", 16)
OTHER_RUN = fixed("other run", 16)
KEY_ID = fixed("data key id", 16)
DATA_KEY = fixed("data key", 32)
OTHER_KEY_ID = fixed("other data key id", 16)
OTHER_DATA_KEY = fixed("other data key", 32)
SECRET = fixed("host secret", 32)
EPOCH_RANDOM = fixed("epoch 1", 32)
ENTRY_NAME = "projects"

AT = "2026-11-23T02:15:00.000000Z"
LATER = "2026-11-23T02:15:07.250000Z"
AT_NS = 1_795_400_100 * 10**9
DAY_NS = 86_400 * 10**9

KEY_BITS = {
    "index": 256,
    "ledger": 256,
    "chunk-id": 256,
    "segment-id": 256,
    "path-id": 256,
    "chunker-seed": 64,
    "entry-id": 256,
}


def u32(value: int) -> bytes:
    return struct.pack(">I", value)


def epoch_secret(secret: bytes, repository: bytes, epoch: int, random: bytes) -> bytes:
    return mac(secret, b"proofkeep/v1/epoch" + b"\0" + repository + u32(epoch) + random)


EPOCH_SECRET = epoch_secret(SECRET, REPOSITORY, 1, EPOCH_RANDOM)
KEYS = {name: kdf(EPOCH_SECRET, f"proofkeep/v1/{name}", REPOSITORY + u32(1), bits) for name, bits in KEY_BITS.items()}
INDEX_KEY, LEDGER_KEY = KEYS["index"], KEYS["ledger"]
CHUNK_ID_KEY, SEGMENT_ID_KEY, PATH_ID_KEY = KEYS["chunk-id"], KEYS["segment-id"], KEYS["path-id"]
INDEX_KEY_ID = bytes(12) + u32(1)
ENTRY = mac(KEYS["entry-id"], ENTRY_NAME.encode())[:16]

RETENTION_KEY = ec.derive_private_key(int.from_bytes(fixed("retention key", 40), "big"), ec.SECP384R1())
RETENTION_PUBLIC = RETENTION_KEY.public_key().public_bytes(
    serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
)


def chunk_id(content: bytes) -> bytes:
    return mac(CHUNK_ID_KEY, content)


def segment_id(plain: bytes) -> bytes:
    return mac(SEGMENT_ID_KEY, plain)


def path_id(path: bytes) -> bytes:
    return mac(PATH_ID_KEY, path)[:16]


def sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def epoch_members(epoch: int = 1, random: bytes = EPOCH_RANDOM, id_epoch: int = 1) -> dict[str, Any]:
    return {
        "v": 1,
        "repository": REPOSITORY.hex(),
        "epoch": epoch,
        "random": random.hex(),
        "id_epoch": id_epoch,
        "created_at": AT,
    }


EPOCH_OBJECT = with_mac(epoch_members(), LEDGER_KEY)


RECIPIENT_KEY = ec.derive_private_key(int.from_bytes(fixed("recipient key", 40), "big"), ec.SECP384R1())
RECIPIENT_PUBLIC = RECIPIENT_KEY.public_key().public_bytes(
    serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
)
RECIPIENT = f"p384:{sha256(RECIPIENT_PUBLIC).hex()}"


def descriptor_members(recipients: tuple[str, ...] = (RECIPIENT,)) -> dict[str, Any]:
    refusals = ("refuses_second_create", "refuses_wrong_digest", "refuses_overwrite", "refuses_delete")
    return {
        "v": 1,
        "repository": REPOSITORY.hex(),
        "created_at": AT,
        "capabilities": {name: name == "refuses_second_create" for name in refusals},
        "ledger_capabilities": {name: name == "refuses_second_create" for name in refusals},
        "chunker": {"minimum": 262_144, "average": 1_048_576, "maximum": 8_388_608},
        "host_secret": "file",
        "recipients": list(recipients),
        "retention_key": RETENTION_PUBLIC.hex(),
        "lock_days": None,
    }


DESCRIPTOR = with_mac(descriptor_members(), LEDGER_KEY)


def stores(
    store: Mapping[str, bytes] | None = None,
    ledger: Mapping[str, bytes] | None = None,
    *,
    descriptor: bytes = DESCRIPTOR,
) -> dict[str, Any]:
    """A store and a ledger store with descriptor, epoch and these objects, and the host secret that reads them."""
    return {
        "store": {"repository": descriptor, "epochs/00000001": EPOCH_OBJECT, **(store or {})},
        "ledger": {"repository": descriptor, **(ledger or {})},
        "secret": SECRET,
    }
