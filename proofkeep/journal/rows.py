"""The journal's nouns."""

import json
from dataclasses import asdict, dataclass
from hashlib import sha256
from typing import Any

from proofkeep.format.header import ObjectType
from proofkeep.format.names import PackId
from proofkeep.model import TlsSession
from proofkeep.state_database import row_check

_CHECK = 8  # hex digits


@dataclass(frozen=True, slots=True)
class Sent:
    """How an object got into the store."""

    at_ns: int
    attempts: int
    version_id: str | None
    tls: TlsSession | None

    def to_json(self) -> dict[str, Any]:
        """Members for the journal's database."""
        return asdict(self)

    @classmethod
    def from_json(cls, members: dict[str, Any]) -> "Sent":
        """The value again."""
        tls = members.pop("tls")
        return cls(**members, tls=None if tls is None else TlsSession(**tls))


@dataclass(frozen=True, slots=True)
class Verified:
    """How it was proven there: by the store's own SHA-256 (`store`) or by reading it back (`read-back`)."""

    at_ns: int
    by: str


@dataclass(frozen=True, slots=True)
class JournalPack:
    """One sealed pack of this run.

    Attributes:
        number: its place in the journal.
        transfer: number of the transfer it travels in.
        failures: attempts to send it that failed.
        indexed: whether a ledger entry and an index object already name it.
    """

    number: int
    id: PackId
    type: ObjectType
    size: int
    sha256: bytes
    header: bytes
    transfer: int
    failures: int
    sent: Sent | None
    verified: Verified | None
    indexed: bool


@dataclass(frozen=True, slots=True)
class JournalObject:
    """A small object whose exact bytes the journal keeps: wrapped key, index, ledger entry, record.

    Attributes:
        kind: `key`, `index`, `ledger`, `record` or `close`.
    """

    name: str
    kind: str
    generation: int
    body: bytes
    sent: Sent | None
    verified: Verified | None

    @property
    def sha256(self) -> bytes:
        """Of the body."""
        return sha256(self.body).digest()

    @property
    def in_ledger_store(self) -> bool:
        """Whether it belongs into the ledger's store."""
        return self.kind in {"ledger", "close"}


@dataclass(frozen=True, slots=True)
class Transfer:
    """Packs that travel and are retried together.

    Attributes:
        digest: SHA-256 (hex) over names and digests of its packs; the same on every retry.
    """

    number: int
    digest: str
    packs: int
    bytes: int


@dataclass(frozen=True, slots=True)
class TransferCounts:
    """How far one transfer came.

    Attributes:
        waiting: packs that the store was not shown to hold; they lie in the spool, with so many bytes.
        sent: of these, packs that the store took.
        failures: attempts to send one of its packs that failed.
    """

    number: int
    packs: int
    bytes: int
    waiting: int
    waiting_bytes: int
    sent: int
    failures: int


def guarded(value: object) -> str:
    """JSON behind a check of its own."""
    text = json.dumps(value)
    return _check(text) + text


def unguarded(text: str) -> str | None:
    """The JSON again; None where the check does not hold."""
    return text[_CHECK:] if text[:_CHECK] == _check(text[_CHECK:]) else None


def _check(text: str) -> str:
    return f"{row_check(text):0{_CHECK}x}"
