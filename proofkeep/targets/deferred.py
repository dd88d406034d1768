"""Directories whose metadata waits until everything below them stands; kept beside the restored tree."""

import struct
import tempfile
from collections.abc import Iterator
from contextlib import suppress

import msgspec

from proofkeep.targets.entry import Metadata

IN_MEMORY = 8 << 20
_LENGTH = struct.Struct("<Q")


class Kept(msgspec.Struct, array_like=True, frozen=True):
    """The `Metadata` of one directory."""

    path: bytes
    mode: int
    uid: int
    gid: int
    mtime_ns: int
    xattrs: list[tuple[bytes, bytes]]
    owner: bytes
    group: bytes


class DeferredDirectories:
    """A stack of directories: up to 8 MiB in memory, beyond that in a file without a name."""

    def __init__(self, place: str) -> None:
        """`place` is a directory on the restored tree's own filesystem."""
        self._file = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY, dir=place)  # noqa: SIM115 - closed by close
        self._encoder = msgspec.msgpack.Encoder()
        self._decoder = msgspec.msgpack.Decoder(Kept)

    def add(self, entry: Metadata) -> None:
        """Keep what `entry` says of a directory. Raises OSError when there is no room."""
        kept = Kept(
            entry.path,
            entry.mode,
            entry.uid,
            entry.gid,
            entry.mtime_ns,
            list(entry.xattrs),
            entry.owner,
            entry.group,
        )
        encoded = self._encoder.encode(kept)
        self._file.write(encoded + _LENGTH.pack(len(encoded)))

    def backwards(self) -> Iterator[Kept]:
        """Everything kept, the latest first: of entries that came in walk order, the deepest before those above."""
        end = self._file.seek(0, 2)
        while end:
            self._file.seek(end - _LENGTH.size)
            (length,) = _LENGTH.unpack(self._file.read(_LENGTH.size))
            end -= _LENGTH.size + length
            self._file.seek(end)
            yield self._decoder.decode(self._file.read(length))

    def close(self) -> None:
        """Forget everything."""
        # What was still to be written may find no room; nobody will read it.
        with suppress(OSError):
            self._file.close()
