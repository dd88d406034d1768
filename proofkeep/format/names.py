"""Object names (format.md section 2): built and parsed here and nowhere else."""

import re
from hashlib import sha256

import msgspec

from proofkeep.errors import MalformedError

DESCRIPTOR = "repository"
PACKS = "packs/"
KEYS = "keys/"
INDEX = "index/"
SNAPSHOTS = "snapshots/"
LOCKS = "locks/"
RETIRED = "retired/"
LEDGER = "ledger/"
EPOCHS = "epochs/"
SECRETS = "secrets/"

_ID = "([0-9a-f]{32})"
_NUMBER = "([0-9a-f]{8})"
_PACK = re.compile(f"packs/{_ID}/{_ID}/{_NUMBER}")
_WRAPPED_KEY = re.compile(rf"keys/{_ID}/{_ID}/{_ID}\.[0-9a-f]{{4}}")
_SNAPSHOT = re.compile(rf"snapshots/{_ID}/{_ID}/{_ID}\.([0-9a-f]{{4}})")
_EPOCH = re.compile(f"epochs/{_NUMBER}")
_SECRET = re.compile(rf"secrets/{_ID}\.([0-9a-f]{{4}})")
_NUMBERED = re.compile(f"(?:index|locks|ledger)/{_ID}/{_NUMBER}")


class PackId(msgspec.Struct, frozen=True, order=True):
    """One pack: its writer, its data key (16 bytes each) and its counter under that key. Sorts as names do."""

    writer: bytes
    data_key: bytes
    counter: int

    @property
    def name(self) -> str:
        """The object's name."""
        return f"packs/{self.writer.hex()}/{self.data_key.hex()}/{self.counter:08x}"


class SnapshotId(msgspec.Struct, frozen=True, order=True):
    """One snapshot record; shown to people as `<run>.<generation>`."""

    entry: bytes
    writer: bytes
    run: bytes
    generation: int

    @property
    def name(self) -> str:
        """The object's name."""
        return f"snapshots/{self.entry.hex()}/{self.writer.hex()}/{self.run.hex()}.{self.generation:04x}"

    @property
    def short(self) -> str:
        """`<run>.<generation>`, unique in a repository."""
        return f"{self.run.hex()}.{self.generation:04x}"


def parse_pack(name: str) -> PackId:
    """The pack of that name. Raises `MalformedError`."""
    match = _PACK.fullmatch(name)
    if match is None:
        raise MalformedError(f"object {name} has no pack's name")
    return PackId(bytes.fromhex(match[1]), bytes.fromhex(match[2]), int(match[3], 16))


def parse_wrapped_key(name: str) -> tuple[bytes, bytes]:
    """Writer and data key of a wrapped form of that name. Raises `MalformedError`."""
    match = _WRAPPED_KEY.fullmatch(name)
    if match is None:
        raise MalformedError(f"object {name} has no wrapped key's name")
    return bytes.fromhex(match[1]), bytes.fromhex(match[2])


def parse_snapshot(name: str) -> SnapshotId:
    """The snapshot of that record's name. Raises `MalformedError`."""
    match = _SNAPSHOT.fullmatch(name)
    if match is None:
        raise MalformedError(f"object {name} has no snapshot's name")
    return SnapshotId(bytes.fromhex(match[1]), bytes.fromhex(match[2]), bytes.fromhex(match[3]), int(match[4], 16))


def parse_numbered(name: str) -> tuple[bytes, int]:
    """Writer and number of an index, locks or ledger object. Raises `MalformedError`."""
    match = _NUMBERED.fullmatch(name)
    if match is None:
        raise MalformedError(f"object {name} has no numbered object's name")
    return bytes.fromhex(match[1]), int(match[2], 16)


def parse_epoch(name: str) -> int:
    """Number of the epoch of that name. Raises `MalformedError`."""
    match = _EPOCH.fullmatch(name)
    if match is None:
        raise MalformedError(f"object {name} has no epoch's name")
    return int(match[1], 16)


def parse_secret(name: str) -> tuple[bytes, int] | None:
    """Recipient id and generation of a wrapped host secret; None for what has no such name."""
    match = _SECRET.fullmatch(name)
    return None if match is None else (bytes.fromhex(match[1]), int(match[2], 16))


def recipient_id(uri: str) -> bytes:
    """16 bytes that stand for a recipient's URI in names."""
    return sha256(uri.encode()).digest()[:16]


def wrapped_key(writer: bytes, data_key: bytes, recipient: str, generation: int) -> str:
    """Name of a wrapped data key."""
    return f"{wrapped_keys(writer, data_key)}{recipient_id(recipient).hex()}.{generation:04x}"


def wrapped_keys(writer: bytes, data_key: bytes) -> str:
    """Prefix of all wrapped forms of one data key."""
    return f"keys/{writer.hex()}/{data_key.hex()}/"


def folder(name: str) -> str:
    """Where an object lies, with its last slash."""
    return name[: name.rfind("/") + 1]


def wrapped_secret(recipient: str, generation: int) -> str:
    """Name of the host secret wrapped for one recipient."""
    return f"secrets/{recipient_id(recipient).hex()}.{generation:04x}"


def epoch(number: int) -> str:
    """Name of an epoch's object."""
    return f"epochs/{number:08x}"


def index(writer: bytes, number: int) -> str:
    """Name of an index object."""
    return f"index/{writer.hex()}/{number:08x}"


def locks(writer: bytes, number: int) -> str:
    """Name of a locks object."""
    return f"locks/{writer.hex()}/{number:08x}"


def ledger(writer: bytes, sequence: int) -> str:
    """Name of a ledger entry, in the ledger store."""
    return f"ledger/{writer.hex()}/{sequence:08x}"


def retired(identity: bytes, *, lifted: bool = False) -> str:
    """Name of a retirement, or of what lifts it."""
    return f"retired/{identity.hex()}{'.lifted' if lifted else ''}"
