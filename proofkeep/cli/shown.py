"""How values are shown: names that cannot act on a terminal, sizes, instants, ids."""

import os
import stat
from datetime import UTC, datetime

from proofkeep.model import Kind
from proofkeep.progress import in_units

_SECOND_NS = 10**9

size = in_units

_FORMATS = {
    Kind.FILE: stat.S_IFREG,
    Kind.DIRECTORY: stat.S_IFDIR,
    Kind.SYMLINK: stat.S_IFLNK,
    Kind.FIFO: stat.S_IFIFO,
    Kind.CHARACTER_DEVICE: stat.S_IFCHR,
    Kind.BLOCK_DEVICE: stat.S_IFBLK,
    Kind.SOCKET: stat.S_IFSOCK,
}


def name(path: bytes) -> str:
    r"""A file's name, reversibly: a backslash is doubled, every byte that is not printable text is `\xNN`.

    Control characters, bidirectional overrides and bytes that are no UTF-8 thus neither move a cursor nor lie.
    """
    return text(os.fsdecode(path).replace("\\", "\\\\")) if path else "."


def text(message: str) -> str:
    r"""A message as one printable line; what is not printable is `\xNN` for each of its bytes."""
    if message.isprintable():  # character by character takes seconds where names are thousands of bytes long
        return message
    return "".join(
        character if character.isprintable() else "".join(f"\\x{byte:02x}" for byte in os.fsencode(character))
        for character in message
    )


def instant(at_ns: int | None) -> str:
    """An instant in UTC to the second; `-` for none."""
    if at_ns is None:
        return "-"
    return datetime.fromtimestamp(at_ns // _SECOND_NS, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def mode(kind: int, bits: int) -> str:
    """Kind and permissions as `ls -l` has them."""
    return stat.filemode(_FORMATS[Kind(kind)] | bits)
