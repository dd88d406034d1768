"""Rows kept on this host: sealed, since sizes of small files must not rest in clear."""

from proofkeep.errors import AuthenticationError
from proofkeep.format import header
from proofkeep.format.body import open_body, seal_body
from proofkeep.format.header import ObjectType
from proofkeep.format.table import Table, decode_table
from proofkeep.repository import Repository


def index_key(repository: Repository, data: bytes, subject: str) -> bytes:
    """The index key of the epoch that a sealed object's header names. Raises `AuthenticationError`."""
    keys = repository.keys.epochs.get(int.from_bytes(header.decode(data, subject).key_id, "big"))
    if keys is None:
        raise AuthenticationError(f"{subject} names an epoch that does not exist")
    return keys.index


def seal_row(repository: Repository, plain: bytes) -> bytes:
    """A row for catalog or journal that must not rest in clear."""
    keys = repository.keys.current
    key_id = header.epoch_key_id(keys.epoch)
    return seal_body(header.new_context(keys.index, ObjectType.HOST_LOCAL, repository.id, bytes(16), key_id, 0), plain)


def open_row(repository: Repository, sealed: bytes, subject: str) -> bytes:
    """What `seal_row` sealed. Raises `AuthenticationError` and what `open_body` raises."""
    head, plain = open_body(index_key(repository, sealed, subject), sealed, subject)
    if head.type is not ObjectType.HOST_LOCAL:
        raise AuthenticationError(f"{subject} has type {head.type.name.lower()}")
    return plain


def open_table(repository: Repository, sealed: bytes, subject: str) -> Table:
    """A frame table that `seal_row` sealed, decoded."""
    return decode_table(open_row(repository, sealed, subject), subject)
