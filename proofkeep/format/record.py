"""Snapshot records: facts under the index key, roots under a data key (format.md section 10)."""

import struct

import msgspec

from proofkeep import canonical
from proofkeep.errors import AuthenticationError, TruncatedError
from proofkeep.format import header
from proofkeep.format.body import open_body, seal_body
from proofkeep.format.header import ObjectType
from proofkeep.format.names import SnapshotId
from proofkeep.format.pack_set import Row

_LENGTH = struct.Struct(">I")


class LedgerHead(msgspec.Struct, array_like=True, frozen=True):
    """The newest ledger entry of a writer: its place and its SHA-256."""

    writer: bytes
    sequence: int
    sha256: bytes


class Facts(msgspec.Struct, frozen=True):
    """What every enrolled host may know of a snapshot."""

    complete: bool
    entry: bytes
    expires_at: int | None
    generation: int
    id_epoch: int
    ledger: LedgerHead
    packs: list[Row]
    run: bytes
    source_at: int
    totals: dict[str, int]
    withdraws: list[tuple[bytes, int]] = []


class Root(msgspec.Struct, array_like=True, frozen=True):
    """The top segment of one walk, placed under `prefix`."""

    prefix: bytes
    id: bytes
    length: int
    level: int
    entries: int
    bytes: int


class SourceFacts(msgspec.Struct, frozen=True):
    """What was walked, for the restore role only."""

    exclude: list[str]
    host: str
    include: list[str]
    label: str
    root: bytes


class Roots(msgspec.Struct, frozen=True):
    """The sealed half of a record."""

    entry: bytes
    generation: int
    roots: list[Root]
    run: bytes
    source: SourceFacts


def seal_roots(key: bytes, repository: bytes, writer: bytes, data_key: bytes, roots: Roots) -> bytes:
    """Seal roots under a data key, while the sealing session still holds it."""
    context = header.new_context(key, ObjectType.ROOTS, repository, writer, data_key, roots.generation)
    return seal_body(context, canonical.to_msgpack(roots))


def open_roots(key: bytes, repository: bytes, snapshot: SnapshotId, sealed: bytes) -> Roots:
    """The roots of that snapshot. Raises `IntegrityError` of the kind met."""
    subject = f"roots of snapshot {snapshot.short}"
    head, plain = open_body(key, sealed, subject)
    header.expect(
        head,
        subject,
        types=(ObjectType.ROOTS,),
        repository=repository,
        writer=snapshot.writer,
        number=snapshot.generation,
    )
    roots = canonical.from_msgpack(plain, Roots, subject)
    if (roots.entry, roots.run, roots.generation) != (snapshot.entry, snapshot.run, snapshot.generation):
        raise AuthenticationError(f"{subject} belong to another snapshot")
    return roots


def seal_record(key: bytes, repository: bytes, writer: bytes, epoch: int, facts: Facts, roots: bytes) -> bytes:
    """The record's bytes; needs host keys only."""
    context = header.new_context(
        key, ObjectType.FACTS, repository, writer, header.epoch_key_id(epoch), facts.generation
    )
    sealed = seal_body(context, canonical.to_msgpack(facts))
    return _LENGTH.pack(len(sealed)) + sealed + roots


def split_record(data: bytes, subject: str) -> tuple[bytes, bytes]:
    """Sealed facts and sealed roots. Raises `TruncatedError`."""
    if len(data) < _LENGTH.size:
        raise TruncatedError(f"{subject} is shorter than its length")
    (length,) = _LENGTH.unpack_from(data)
    if length > len(data) - _LENGTH.size:
        raise TruncatedError(f"{subject} is shorter than its facts")
    return data[_LENGTH.size : _LENGTH.size + length], data[_LENGTH.size + length :]


def open_facts(key: bytes, repository: bytes, snapshot: SnapshotId, data: bytes) -> Facts:
    """The facts in a record's bytes. Raises `IntegrityError` of the kind met."""
    subject = f"snapshot {snapshot.short}"
    sealed, _ = split_record(data, subject)
    head, plain = open_body(key, sealed, subject)
    header.expect(
        head,
        subject,
        types=(ObjectType.FACTS,),
        repository=repository,
        writer=snapshot.writer,
        number=snapshot.generation,
    )
    facts = canonical.from_msgpack(plain, Facts, subject)
    if (facts.entry, facts.run, facts.generation) != (snapshot.entry, snapshot.run, snapshot.generation):
        raise AuthenticationError(f"{subject} names another entry, run or generation than its place")
    return facts
