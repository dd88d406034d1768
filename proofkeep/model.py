"""The engine's nouns: frozen values that say what they hold and nothing else.

Instants are integers of nanoseconds since the Unix epoch (UTC) and end in `_ns`; sizes and lengths are bytes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from itertools import chain
from typing import NoReturn

import msgspec


class Kind(IntEnum):
    """What a manifest entry is; the numbers are the format's (format.md section 9)."""

    FILE = 0
    DIRECTORY = 1
    SYMLINK = 2
    FIFO = 3
    CHARACTER_DEVICE = 4
    BLOCK_DEVICE = 5
    SOCKET = 6


class Clock(msgspec.Struct, frozen=True):
    """What another machine said the time was (`remote_ns`) when this one said `local_ns`."""

    remote_ns: int
    local_ns: int


class Location(msgspec.Struct, frozen=True):
    """Where an object store keeps its objects.

    `place` identifies the directory tree or bucket and prefix; `neighbourhood` the disk, or the account and host, that
    it shares with others. Two stores may never share a place; sharing a neighbourhood is reported.

    Attributes:
        within: of a directory, device and inode of itself and of each that holds it, None for one that is missing: a
            mount gives one tree two paths.
    """

    kind: str
    place: str
    neighbourhood: str
    within: tuple[tuple[int, int] | None, ...] = ()


@dataclass(frozen=True, slots=True)
class TlsSession:
    """What a connection negotiated: version such as `TLSv1.3`, cipher, SHA-256 of the peer's certificate (hex)."""

    version: str
    cipher: str
    peer_sha256: str


class Placed(msgspec.Struct, frozen=True):
    """A store's answer to a put. `checked` says that the store echoed a SHA-256 of its own."""

    version_id: str | None
    tls: TlsSession | None
    checked: bool


class ObjectStat(msgspec.Struct, frozen=True):
    """What a store says of one object; `sha256` (32 bytes) only where the store states it."""

    name: str
    size: int
    version_id: str | None = None
    sha256: bytes | None = None
    modified_ns: int | None = None


class Capabilities(msgspec.Struct, frozen=True):
    """What `init` saw the store do: refusals are True when the store really refused.

    `refuses_second_create` is needed for more than one writer; `refuses_wrong_digest` lets verify trust the store's
    own SHA-256 instead of reading back; the other two say whether stored objects can be replaced or removed.
    """

    refuses_second_create: bool
    refuses_wrong_digest: bool
    refuses_overwrite: bool
    refuses_delete: bool


class WrappedKey(msgspec.Struct, frozen=True):
    """A data key under a KEK. `ciphertext` is the provider's; `material_id` and `request_id` where it gives them."""

    recipient: str
    ciphertext: bytes
    material_id: str | None = None
    request_id: str | None = None


class GeneratedKey:
    """A fresh data key: 32 bytes in clear, to be held in memory only, and its wrapped form.

    No dataclass: every serializer walks into those, and this value must not leave the process by any of them.
    """

    __slots__ = ("plaintext", "wrapped")

    def __init__(self, plaintext: bytes, wrapped: WrappedKey) -> None:
        self.plaintext = plaintext
        self.wrapped = wrapped

    def __reduce__(self) -> NoReturn:
        raise TypeError("a data key in clear is neither pickled nor copied")


class Node(msgspec.Struct, frozen=True, gc=False):
    """One thing found in a source: lstat fields, link target and extended attributes.

    `path` is relative to the source's root, components joined by `/`, any bytes but NUL; b"" is the root itself.
    `unread` is the error code when metadata or listing could not be read. `hardlink` is (device, inode) for regular
    files with more than one name. `settled` says that any change after this look must show in `mtime_ns` or `ctime_ns`:
    a change within one tick of the filesystem's clock does not.
    """

    path: bytes
    kind: Kind
    mode: int
    uid: int
    gid: int
    mtime_ns: int
    ctime_ns: int
    size: int
    device: int
    inode: int
    rdev: int = 0
    target: bytes = b""
    xattrs: tuple[tuple[bytes, bytes], ...] = ()
    hardlink: tuple[int, int] | None = None
    unread: str = ""
    owner: bytes = b""
    group: bytes = b""
    settled: bool = False

    @property
    def described(self) -> int:
        """Bytes of path, link target and extended attributes, which may be thousands of times the rest."""
        size = len(self.path) + len(self.target)
        return size + sum(map(len, chain(*self.xattrs))) if self.xattrs else size


class SourceDescription(msgspec.Struct, frozen=True):
    """What a source walks: its root and the patterns that choose."""

    root: bytes
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing verify, restore or a drill found wrong: a value, never an exception.

    `code` is an error code of `proofkeep.errors`; `subject` an object id, snapshot id or keyed file id; `path`
    the file's name, filled only under the restore role and shown only by the CLI.
    """

    code: str
    subject: str
    detail: str = ""
    path: bytes | None = field(default=None, repr=False)


def told(findings: Sequence[Finding]) -> str:
    """How many there are, and the code of the first."""
    return f"{len(findings)} findings, the first: {findings[0].code}"


Totals = Mapping[str, int]
"""Counts by name, such as files, bytes, chunks, packs."""
