"""Reading the ledger: chains of every writer, checked link by link (format.md section 11)."""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from proofkeep.errors import (
    AuthenticationError,
    LedgerMismatchError,
    MalformedError,
    ObjectMissingError,
    RollbackError,
    StateError,
    UsageError,
)
from proofkeep.format import ledger_entry, names
from proofkeep.format.ledger_entry import FIRST_PREVIOUS, LedgerEntry
from proofkeep.repository import Repository
from proofkeep.state import replace_file, telling


@dataclass(frozen=True, slots=True)
class Head:
    """The newest entry of one chain: its sequence (-1 before the first) and SHA-256."""

    sequence: int
    sha256: bytes


START = Head(-1, FIRST_PREVIOUS)
Heads = dict[bytes, Head]

_SPELLED = re.compile("([0-9a-f]{32}):([0-9]{1,10}):([0-9a-f]{64})")


def spell_head(writer: bytes, head: Head) -> str:
    """`<writer>:<sequence>:<sha256>`, as receipts and reports hand a head on."""
    return f"{writer.hex()}:{head.sequence}:{head.sha256.hex()}"


def parse_heads(spelled: Iterable[str]) -> Heads:
    """What `spell_head` wrote, one head a writer.

    Raises:
        UsageError: one is no head, or a writer has two; of two only one could be held against the ledger.
    """
    heads: Heads = {}
    for number, text in enumerate(spelled, start=1):
        match = _SPELLED.fullmatch(text)
        if match is None:
            raise UsageError(f"expected head {number} is not WRITER:SEQ:SHA256")
        writer = bytes.fromhex(match[1])
        if writer in heads:
            raise UsageError(f"writer {writer.hex()} has more than one expected head, name the newest alone")
        heads[writer] = Head(int(match[2]), bytes.fromhex(match[3]))
    return heads


def writers(repository: Repository) -> Iterator[bytes]:
    """All writers that have a chain, in bytewise order; one listing request or so each."""
    after = ""
    while True:
        first = next(repository.ledger_store.list(names.LEDGER, after=after), None)
        if first is None:
            return
        writer, _ = names.parse_numbered(first.name)
        yield writer
        after = f"{names.LEDGER}{writer.hex()}/~"


def read_chain(repository: Repository, writer: bytes, after: Head = START) -> Iterator[tuple[LedgerEntry, Head]]:
    """Entries of a writer behind `after`, each with its own head.

    Raises:
        RollbackError: the chain no longer holds `after`.
        LedgerMismatchError: a gap, or a link that does not hold.
        AuthenticationError, MalformedError: an entry that is not its writer's.
    """
    if after.sequence >= 0:
        _require_head(repository, writer, after)
    head = after
    prefix = f"{names.LEDGER}{writer.hex()}/"
    start = names.ledger(writer, after.sequence) if after.sequence >= 0 else ""
    for stat in repository.ledger_store.list(prefix, after=start):
        _, sequence = names.parse_numbered(stat.name)
        if sequence != head.sequence + 1:
            raise LedgerMismatchError(f"ledger of writer {writer.hex()} lacks entry {head.sequence + 1}")
        data = repository.ledger_store.get(stat.name)
        entry = open_entry(repository, writer, sequence, data)
        if entry.previous != head.sha256:
            raise LedgerMismatchError(
                f"ledger entry {sequence} of writer {writer.hex()} does not follow the one before"
            )
        head = Head(sequence, sha256(data).digest())
        yield entry, head


def open_entry(repository: Repository, writer: bytes, sequence: int, data: bytes) -> LedgerEntry:
    """One entry under the key of its epoch. Raises `AuthenticationError`, `MalformedError`, `LedgerMismatchError`."""
    subject = f"ledger entry {writer.hex()}/{sequence:08x}"
    if len(data) > ledger_entry.MAX_ENTRY:
        raise MalformedError(f"{subject} is larger than an entry may be")
    keys = repository.keys.epochs.get(ledger_entry.peek_epoch(data, subject))
    if keys is None:
        raise AuthenticationError(f"{subject} names an epoch that does not exist")
    return ledger_entry.open_entry(keys.ledger, repository.id, writer, sequence, data)


def require_heads(repository: Repository, heads: Heads) -> None:
    """Raise `RollbackError` unless every chain still holds the head seen earlier; one request a writer."""
    for writer, head in heads.items():
        if head.sequence >= 0:
            _require_head(repository, writer, head)


def _require_head(repository: Repository, writer: bytes, head: Head) -> None:
    name = names.ledger(writer, head.sequence)
    try:
        data = repository.ledger_store.get(name)
    except ObjectMissingError:
        raise RollbackError(f"ledger of writer {writer.hex()} ends before entry {head.sequence} seen earlier") from None
    if sha256(data).digest() != head.sha256:
        raise RollbackError(f"ledger entry {head.sequence} of writer {writer.hex()} is not the one seen earlier")


def newest_entry_ns(repository: Repository, heads: Heads) -> int | None:
    """The instant of the newest entry that these heads stand for; None without any. One request a writer."""
    instants = []
    for writer, head in heads.items():
        data = repository.ledger_store.get(names.ledger(writer, head.sequence))
        instants.append(open_entry(repository, writer, head.sequence, data).at_ns)
    return max(instants, default=None)


def load_heads(file: Path) -> Heads:
    """Heads this host remembers; empty when it remembers none. Raises `StateError`."""
    try:
        with telling():
            content = file.read_bytes() if file.exists() else b"{}"
        rows = json.loads(content)
        return {bytes.fromhex(writer): Head(row[0], bytes.fromhex(row[1])) for writer, row in rows.items()}
    except (ValueError, TypeError, AttributeError, IndexError):
        raise StateError("file heads.json of the state directory is malformed") from None


def save_heads(file: Path, heads: Heads) -> None:
    """Remember heads durably; a head never goes back."""
    merged = dict(load_heads(file))
    for writer, head in heads.items():
        if head.sequence > merged.get(writer, START).sequence:
            merged[writer] = head
    rows = {writer.hex(): [head.sequence, head.sha256.hex()] for writer, head in sorted(merged.items())}
    replace_file(file, json.dumps(rows).encode())
