"""Index objects: which chunk lies in which pack and frame (format.md section 8)."""

import msgspec

from proofkeep import canonical
from proofkeep.errors import AuthenticationError
from proofkeep.format import header
from proofkeep.format.body import open_body, seal_body
from proofkeep.format.header import ObjectType
from proofkeep.format.names import PackId

MAX_TABLES = 8 << 20


class PackRow(msgspec.Struct, array_like=True, frozen=True):
    """One pack: enough to open any of its frames with one ranged read.

    Attributes:
        table: the pack's table without padding (`proofkeep.format.table`).
        retain_until: Object Lock date in ns, or None.
    """

    writer: bytes
    data_key: bytes
    counter: int
    header: bytes
    size: int
    retain_until: int | None
    table: bytes

    @property
    def id(self) -> PackId:
        """The pack."""
        return PackId(self.writer, self.data_key, self.counter)


class _Body(msgspec.Struct, frozen=True):
    packs: list[PackRow]
    supersedes: list[int] = []


class Index(msgspec.Struct, frozen=True):
    """One index object's rows; `supersedes` are numbers of this writer's index objects that it repeats."""

    packs: list[PackRow]
    supersedes: list[int]


def seal_index(key: bytes, repository: bytes, writer: bytes, epoch: int, number: int, content: Index) -> bytes:
    """The whole object, sealed under the epoch's index key."""
    context = header.new_context(key, ObjectType.INDEX, repository, writer, header.epoch_key_id(epoch), number)
    return seal_body(context, canonical.to_msgpack(_Body(content.packs, content.supersedes)))


def open_index(key: bytes, repository: bytes, writer: bytes, number: int, data: bytes) -> Index:
    """The index object that lies under `writer` and `number`.

    Raises:
        AuthenticationError, TruncatedError, MalformedError.
    """
    subject = f"index {writer.hex()}/{number:08x}"
    head, plain = open_body(key, data, subject)
    header.expect(head, subject, types=(ObjectType.INDEX,), repository=repository, writer=writer, number=number)
    body = canonical.from_msgpack(plain, _Body, subject)
    for row in body.packs:
        _check(row, repository, writer, subject)
    return Index(body.packs, body.supersedes)


def _check(row: PackRow, repository: bytes, writer: bytes, subject: str) -> None:
    if row.writer != writer:
        raise AuthenticationError(f"{subject} describes a pack of another writer")
    head = header.decode(row.header, subject)
    header.expect(
        head,
        f"pack {row.id.name} in {subject}",
        types=(ObjectType.CONTENT_PACK, ObjectType.SEGMENT_PACK),
        repository=repository,
        writer=row.writer,
        key_id=row.data_key,
        number=row.counter,
    )
