"""Opens frames, proves chunks and puts them into their files, in this process or in one that joined the restore."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

import msgspec

from proofkeep.crypto.host_keys import names
from proofkeep.errors import (
    AuthenticationError,
    MalformedError,
    ProofkeepError,
    RestoreError,
    TargetFullError,
    UnsafePathError,
)
from proofkeep.format import header
from proofkeep.format.header import Context
from proofkeep.format.manifest import Entry
from proofkeep.format.pack import open_frame
from proofkeep.format.table import FrameRow


@dataclass(frozen=True, slots=True)
class SealedPack:
    """What opens a pack's frames; travels between processes over a socket and is never written anywhere."""

    name: str
    header: bytes
    key: bytes = field(repr=False)


class Piece(NamedTuple):
    """One chunk for one file: its id, where it lies in its frame, and where it goes. Many travel, so it is a tuple.

    Attributes:
        entry: of a file that is this chunk and nothing else; it is made with its content.
        growing: the handle of any other file, which was made already; `position` counts its data.
    """

    id: bytes
    offset: int
    length: int
    entry: Entry | None
    growing: Any
    position: int


class Batch(msgspec.Struct, frozen=True):
    """Frames of one pack that lie side by side from `start` on, and the pieces that each holds."""

    pack: SealedPack
    start: int
    frames: list[tuple[FrameRow, list[Piece]]]


encode_batch = msgspec.msgpack.Encoder().encode
decode_batch = msgspec.msgpack.Decoder(Batch).decode  # a `growing` handle comes out as plain values


class Filled(msgspec.Struct):
    """What became of a batch; pieces are told by their number over all frames.

    Attributes:
        unproven: pieces whose frame does not open or whose chunk is not what its id says, and why.
        unwritten: pieces whose file cannot be written.
    """

    unproven: list[tuple[int, ProofkeepError]] = msgspec.field(default_factory=list)
    unwritten: list[tuple[int, RestoreError]] = msgspec.field(default_factory=list)


class Files(Protocol):
    """What is filled: a target, or one that a further process has joined."""

    def put_file(self, entry: Entry, data: bytes | memoryview) -> None:
        """See `proofkeep.restore.files.Target`."""

    def write(self, file: Any, position: int, data: bytes | memoryview) -> None:
        """See `proofkeep.restore.files.Target`."""


class Filler:
    """Fills files from sealed frames. Safe from several threads as far as its files are."""

    def __init__(self, chunk_keys: Sequence[bytes], files: Files) -> None:
        """`chunk_keys` are those of every id generation, the newest first."""
        self._chunk_keys = chunk_keys
        self._files = files
        self._context: tuple[bytes, Context] | None = None

    def fill(self, batch: Batch, sealed: bytes | bytearray | memoryview) -> Filled:
        """Put every piece of the batch where it belongs; `sealed` are its bytes in the store.

        Raises:
            TargetFullError, UnsafePathError: the restore ends.
        """
        filled = Filled()
        number = 0
        view = memoryview(sealed)
        for frame, pieces in batch.frames:
            plain = self._open(batch, frame, view)
            for piece in pieces:
                try:
                    self._put(batch.pack, piece, plain)
                except (TargetFullError, UnsafePathError) as error:
                    if isinstance(error, TargetFullError) or piece.entry is not None:
                        raise
                    filled.unwritten.append((number, error))
                except RestoreError as error:
                    filled.unwritten.append((number, error))
                except (AuthenticationError, MalformedError) as error:
                    filled.unproven.append((number, error))
                number += 1
            del plain  # before the next one is opened
        return filled

    def _open(self, batch: Batch, frame: FrameRow, sealed: memoryview) -> memoryview | ProofkeepError:
        place = frame.offset - batch.start
        try:
            context = self._context_of(batch.pack)
            sealed = sealed[place : place + frame.sealed_length]
            return memoryview(open_frame(context, frame, sealed, batch.pack.name))
        except (AuthenticationError, MalformedError) as error:
            return error

    def _context_of(self, pack: SealedPack) -> Context:
        known = self._context
        if known is None or known[0] != pack.header:
            self._context = known = pack.header, header.open_context(pack.key, pack.header, pack.name)
        return known[1]

    def _put(self, pack: SealedPack, piece: Piece, plain: memoryview | ProofkeepError) -> None:
        if isinstance(plain, ProofkeepError):
            raise plain.with_traceback(None)  # each piece of the frame would add to it
        data = plain[piece.offset : piece.offset + piece.length]
        if not names(self._chunk_keys, data, piece.id):
            raise AuthenticationError(f"chunk {piece.id.hex()[:16]} of {pack.name} is not what its id says")
        if piece.entry is not None:
            self._files.put_file(piece.entry, data)
        else:
            self._files.write(piece.growing, piece.position, data)
