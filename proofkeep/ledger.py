"""Reading the ledger: chains of every writer, checked link by link (format.md section 11)."""

import json
import re
from collections.abc import Iterable, Iterator
from hashlib import sha256
from pathlib import Path

import msgspec
from msgspec.structs import replace

from proofkeep.errors import (
    REFUSED,
    AuthenticationError,
    LedgerMismatchError,
    MalformedError,
    ObjectMissingError,
    ObjectUnreadableError,
    ProofkeepError,
    RollbackError,
    TruncatedError,
    UsageError,
)
from proofkeep.format import ledger_entry, names
from proofkeep.format.ledger_entry import FIRST_PREVIOUS, LedgerEntry
from proofkeep.repository import Repository
from proofkeep.repository.stored import fetch
from proofkeep.state import malformed, replace_file, telling


class Head(msgspec.Struct, frozen=True):
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


class Link(msgspec.Struct, frozen=True):
    """One place of a chain.

    Attributes:
        head: its sequence, and SHA-256 of what lies there.
        entry: what that says under its own MAC, or None where it is refused.
        fault: why the chain does not hold at this place; None where it does.
    """

    head: Head
    entry: LedgerEntry | None
    fault: ProofkeepError | None = None


def writers(repository: Repository) -> Iterator[bytes]:
    """All writers that have a chain, in bytewise order; one listing request or so each."""
    after = ""
    while True:
        first = next(repository.ledger_store.list(names.LEDGER, after=after), None)
        if first is None:
            return
        try:
            writer, _ = names.parse_numbered(first.name)
        except MalformedError:
            after = first.name
            continue
        yield writer
        after = f"{names.LEDGER}{writer.hex()}/~"


def read_chain(repository: Repository, writer: bytes, after: Head = START) -> Iterator[tuple[LedgerEntry, Head]]:
    """Entries of a writer behind `after`, each with its own head, as long as the chain holds.

    Raises:
        RollbackError: the chain no longer holds `after`.
        LedgerMismatchError: a gap, or a link that does not hold.
        AuthenticationError, MalformedError, UnsupportedVersionError: an entry that is not its writer's.
    """
    for link in follow_chain(repository, writer, after):
        if link.fault is not None:
            raise link.fault
        if link.entry is not None:
            yield link.entry, link.head


def follow_chain(repository: Repository, writer: bytes, after: Head = START) -> Iterator[Link]:
    """All of a chain behind `after`, faults told and passed over; objects of no entry's name are none of it.

    Raises:
        StoreError, TransportError: it could not look.
    """
    sequence, previous = after.sequence, after.sha256
    followed = True  # whether `previous` is what the next entry has to name
    if sequence >= 0:
        try:
            _require_head(repository, writer, after)
        except (RollbackError, ObjectUnreadableError) as fault:
            yield Link(after, None, fault)
            followed = False
    start = names.ledger(writer, sequence) if sequence >= 0 else ""
    for stat in repository.ledger_store.list(f"{names.LEDGER}{writer.hex()}/", after=start):
        try:
            _, found = names.parse_numbered(stat.name)
        except MalformedError:
            continue
        gap = found != sequence + 1
        link = _link(repository, writer, found)
        if gap:
            lacking = LedgerMismatchError(f"ledger of writer {writer.hex()} lacks entry {sequence + 1}")
            link = replace(link, fault=lacking)
        elif link.entry is not None and followed and link.entry.previous != previous:
            astray = f"ledger entry {found} of writer {writer.hex()} does not follow the one before"
            link = replace(link, fault=LedgerMismatchError(astray))
        yield link
        sequence, previous, followed = found, link.head.sha256, link.entry is not None


def _link(repository: Repository, writer: bytes, sequence: int) -> Link:
    name = names.ledger(writer, sequence)
    try:
        data = fetch(repository.ledger_store, name)
    except ObjectMissingError:
        return Link(Head(sequence, b""), None, LedgerMismatchError(f"ledger entry {name} is gone"))
    except (ObjectUnreadableError, TruncatedError) as fault:
        return Link(Head(sequence, b""), None, fault)
    head = Head(sequence, sha256(data).digest())
    try:
        return Link(head, open_entry(repository, writer, sequence, data))
    except REFUSED as fault:
        return Link(head, None, fault)


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
        data = fetch(repository.ledger_store, name)
    except ObjectMissingError:
        raise RollbackError(f"ledger of writer {writer.hex()} ends before entry {head.sequence} seen earlier") from None
    except TruncatedError:
        data = b""
    if sha256(data).digest() != head.sha256:
        raise RollbackError(f"ledger entry {head.sequence} of writer {writer.hex()} is not the one seen earlier")


def entries_at(repository: Repository, heads: Heads) -> list[LedgerEntry]:
    """The entries that these heads stand for; one request each. Raises as `open_entry`, and `StoreError`."""
    found = []
    for writer, head in heads.items():
        data = repository.ledger_store.get(names.ledger(writer, head.sequence))
        found.append(open_entry(repository, writer, head.sequence, data))
    return found


def load_heads(file: Path) -> Heads:
    """Heads this host remembers; empty when it remembers none. Raises `StateError`."""
    try:
        with telling():
            content = file.read_bytes() if file.exists() else b"{}"
        rows = json.loads(content)
        return {bytes.fromhex(writer): Head(row[0], bytes.fromhex(row[1])) for writer, row in rows.items()}
    except (ValueError, TypeError, AttributeError, IndexError):
        raise malformed(file) from None


def save_heads(file: Path, heads: Heads) -> None:
    """Remember heads durably; a head never goes back."""
    merged = dict(load_heads(file))
    for writer, head in heads.items():
        if head.sequence > merged.get(writer, START).sequence:
            merged[writer] = head
    rows = {writer.hex(): [head.sequence, head.sha256.hex()] for writer, head in sorted(merged.items())}
    replace_file(file, json.dumps(rows).encode())
