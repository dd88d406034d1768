"""Later Object Lock dates of packs (format.md section 12)."""

import msgspec

from proofkeep import canonical
from proofkeep.format import header
from proofkeep.format.body import open_body, seal_body
from proofkeep.format.header import ObjectType
from proofkeep.format.pack_set import Row


class Locks(msgspec.Struct, frozen=True):
    """Packs that the store confirmed to be locked until an instant (ns)."""

    packs: list[Row]
    until: int


def seal_locks(key: bytes, repository: bytes, writer: bytes, epoch: int, number: int, locks: Locks) -> bytes:
    """The whole object, sealed under the epoch's index key."""
    context = header.new_context(key, ObjectType.LOCKS, repository, writer, header.epoch_key_id(epoch), number)
    return seal_body(context, canonical.to_msgpack(locks))


def open_locks(key: bytes, repository: bytes, writer: bytes, number: int, data: bytes) -> Locks:
    """The locks object under `writer` and `number`. Raises `IntegrityError` of the kind met."""
    subject = f"locks {writer.hex()}/{number:08x}"
    head, plain = open_body(key, data, subject)
    header.expect(head, subject, types=(ObjectType.LOCKS,), repository=repository, writer=writer, number=number)
    return canonical.from_msgpack(plain, Locks, subject)
