"""What must be refused, tried on a copy in memory of a pack that the drill restored from. The store is not touched."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import groupby
from operator import attrgetter

from msgspec.structs import replace

from proofkeep.crypto.sealing import OVERHEAD
from proofkeep.errors import AuthenticationError, KeyMismatchError, MalformedError, TruncatedError
from proofkeep.format import header
from proofkeep.format.header import SIZE, ObjectType
from proofkeep.format.names import PackId
from proofkeep.format.pack import TRAILER_SEALED, open_frame, read_table
from proofkeep.format.wrapped import WrappedDataKey, context
from proofkeep.model import WrappedKey
from proofkeep.ports import KeyProvider
from proofkeep.repository import Repository

NOT_AUTHENTIC = (AuthenticationError.code,)
NOT_WHOLE = (AuthenticationError.code, MalformedError.code, TruncatedError.code)
NOT_UNWRAPPED = (KeyMismatchError.code,)


@dataclass(frozen=True, slots=True, repr=False)
class Copy:
    """One pack in memory with what opens it.

    Attributes:
        form: the wrapped data key, and `provider` the one that unwraps it.
        frames_end: where the frames end and the sealed table begins.
        seed: decides which bytes are hit, so that a reviewer hits the same.
    """

    repository: Repository
    pack: PackId
    data: bytes
    key: bytes
    form: WrappedDataKey
    provider: KeyProvider
    frames_end: int
    seed: str


@dataclass(frozen=True, slots=True)
class Attack:
    """One thing to try. `run` has to raise an error whose code is among `expected`."""

    name: str
    does: str
    expected: tuple[str, ...]
    run: Callable[[Copy], object]


def open_copy(repository: Repository, pack: PackId, data: bytes, key: bytes) -> tuple[int, int]:
    """Read a whole pack as a restore without any index would: header, trailer, table, every frame, every chunk.

    Returns:
        Frames and chunks that were proven.

    Raises:
        AuthenticationError, MalformedError, TruncatedError, UnsupportedVersionError.
    """
    opened = header.open_context(key, data, pack.name)
    types = (ObjectType.CONTENT_PACK, ObjectType.SEGMENT_PACK)
    header.expect(
        opened.header,
        pack.name,
        types=types,
        repository=repository.id,
        writer=pack.writer,
        key_id=pack.data_key,
        number=pack.counter,
    )
    table = read_table(opened, data, pack.name)
    view = memoryview(data)
    ids = repository.keys.ids
    name_of = ids.chunk_id if opened.header.type is ObjectType.CONTENT_PACK else ids.segment_id
    for number, rows in groupby(table.chunks, key=attrgetter("frame")):
        frame = table.frames[number]
        plain = open_frame(opened, frame, view[frame.offset : frame.offset + frame.sealed_length], pack.name)
        for row in rows:
            if name_of(plain[row.offset : row.offset + row.length]) != row.id:
                raise AuthenticationError(f"chunk {row.id.hex()[:16]} of {pack.name} is not what its id says")
    return len(table.frames), len(table.chunks)


def frames_end(data: bytes, key: bytes, subject: str) -> int:
    """Where the frames of an intact pack end."""
    return read_table(header.open_context(key, data, subject), data, subject).end


def unwrap(form: WrappedDataKey, provider: KeyProvider, bound_to: Mapping[str, str]) -> bytes:
    """Unwrap as a restore does, with whatever context."""
    return provider.unwrap(form.wrapped, bound_to)


def _drawn(copy: Copy, name: str, start: int, end: int) -> int:
    """A place from `start` up to `end`, drawn by the seed."""
    drawn = int.from_bytes(sha256(f"{copy.seed} {name}".encode()).digest()[:8], "big")
    return start + drawn % (end - start)


def _open(copy: Copy, data: bytes | None = None, *, key: bytes | None = None, pack: PackId | None = None) -> None:
    open_copy(
        copy.repository,
        pack or copy.pack,
        copy.data if data is None else data,
        copy.key if key is None else key,
    )


def _flipped(data: bytes, place: int) -> bytes:
    changed = bytearray(data)
    changed[place] ^= 1 << place % 8
    return bytes(changed)


def _flip_in_header(copy: Copy) -> None:
    _open(copy, _flipped(copy.data, _drawn(copy, "header", SIZE - 64, SIZE)))


def _flip_in_frames(copy: Copy) -> None:
    _open(copy, _flipped(copy.data, _drawn(copy, "frames", SIZE, copy.frames_end)))


def _flip_in_table(copy: Copy) -> None:
    _open(copy, _flipped(copy.data, _drawn(copy, "table", copy.frames_end, len(copy.data))))


def _wrong_key(copy: Copy) -> None:
    _open(copy, key=os.urandom(32))


def _truncate(copy: Copy) -> None:
    _open(copy, copy.data[: _drawn(copy, "length", SIZE + OVERHEAD, len(copy.data) - 1)])


def _cut_last_byte(copy: Copy) -> None:
    _open(copy, copy.data[:-1])


def _extend(copy: Copy) -> None:
    _open(copy, copy.data + b"\x00")


def _swap_ends(copy: Copy) -> None:
    """The end of the pack's frames in place of its trailer."""
    cut = len(copy.data) - TRAILER_SEALED
    _open(copy, copy.data[:cut] + copy.data[SIZE : SIZE + TRAILER_SEALED])


def _foreign_header(copy: Copy) -> None:
    """A header that another repository would write under the very same data key."""
    head = header.decode(copy.data, copy.pack.name)
    foreign = header.new_context(copy.key, head.type, os.urandom(16), head.writer, head.key_id, head.number)
    _open(copy, foreign.header_bytes + copy.data[SIZE:])


def _foreign_frames(copy: Copy) -> None:
    """As `_foreign_header`, but the header claims this repository: its frames are sealed under another object key."""
    head = header.decode(copy.data, copy.pack.name)
    again = header.new_context(copy.key, head.type, head.repository, head.writer, head.key_id, head.number)
    _open(copy, again.header_bytes + copy.data[SIZE:])


def _other_name(copy: Copy) -> None:
    _open(copy, pack=replace(copy.pack, counter=copy.pack.counter + 1))


def _unwrap_for(copy: Copy, *, repository: bytes | None = None, data_key: bytes | None = None) -> None:
    bound_to = context(repository or copy.repository.id, copy.pack.writer, data_key or copy.pack.data_key)
    unwrap(copy.form, copy.provider, bound_to)


def _foreign_context(copy: Copy) -> None:
    _unwrap_for(copy, repository=os.urandom(16))


def _other_context(copy: Copy) -> None:
    _unwrap_for(copy, data_key=os.urandom(16))


def _tampered_wrapped_key(copy: Copy) -> None:
    wrapped = copy.form.wrapped
    place = _drawn(copy, "wrapped", len(wrapped.ciphertext) // 2, len(wrapped.ciphertext))
    tampered = WrappedKey(wrapped.recipient, _flipped(wrapped.ciphertext, place))
    bound_to = context(copy.repository.id, copy.pack.writer, copy.pack.data_key)
    unwrap(replace(copy.form, wrapped=tampered), copy.provider, bound_to)


ATTACKS: Sequence[Attack] = (
    Attack("flipped-bit-header", "one bit of salt or commitment flipped", NOT_AUTHENTIC, _flip_in_header),
    Attack("flipped-bit-frame", "one bit of a sealed frame flipped", NOT_AUTHENTIC, _flip_in_frames),
    Attack("flipped-bit-table", "one bit of the sealed table or trailer flipped", NOT_AUTHENTIC, _flip_in_table),
    Attack("wrong-key", "opened under a random data key", NOT_AUTHENTIC, _wrong_key),
    Attack("truncated", "cut at a drawn length", NOT_WHOLE, _truncate),
    Attack("truncated-by-one", "the last byte cut off", NOT_WHOLE, _cut_last_byte),
    Attack("extended", "one byte appended", NOT_WHOLE, _extend),
    Attack("spliced-trailer", "frames put in the trailer's place", NOT_AUTHENTIC, _swap_ends),
    Attack("foreign-header", "another repository's header before our frames", NOT_AUTHENTIC, _foreign_header),
    Attack("foreign-frames", "its frames behind another valid header of its data key", NOT_AUTHENTIC, _foreign_frames),
    Attack("other-name", "offered under another pack's name", NOT_AUTHENTIC, _other_name),
    Attack(
        "wrong-context-repository",
        "data key unwrapped as another repository's",
        NOT_UNWRAPPED,
        _foreign_context,
    ),
    Attack("wrong-context-data-key", "data key unwrapped under another key's id", NOT_UNWRAPPED, _other_context),
    Attack("tampered-wrapped-key", "one bit of the wrapped data key flipped", NOT_UNWRAPPED, _tampered_wrapped_key),
)
