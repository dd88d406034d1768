"""What a node of the source becomes in the manifest, and what tells whether a file changed."""

import struct
from collections.abc import Iterable

from proofkeep.crypto.host_keys import IdKeys
from proofkeep.format.manifest import Entry
from proofkeep.model import Kind, Node
from proofkeep.ports import Reader

_STATE = struct.Struct(">qqqQI")


def link_key(node: Node) -> tuple[int, ...]:
    """What two names of one file have in common; a file changed between its names is read again as another."""
    return () if node.hardlink is None else (*node.hardlink, node.size, node.mtime_ns)


def data_size(reader: Reader, node: Node) -> int:
    """Bytes that a whole read gives: fewer mean a file that does not hold what its size says."""
    extents = reader.extents()
    return node.size if extents is None else sum(length for _, length in extents)


def stat_mark(ids: IdKeys, node: Node) -> bytes:
    """The keyed fingerprint, 16 bytes, that the catalog keeps of a file; a drill holds live files against it."""
    fields = _STATE.pack(node.size, node.mtime_ns, node.ctime_ns, node.inode, node.mode)
    return ids.path_code(node.path + b"\x00" + fields)[:16]


def entry_of(
    node: Node, chunks: bytes = b"", extents: Iterable[int] = (), unread: str = "", size: int | None = None
) -> Entry:
    """A node's manifest entry with what was read of it; `size` where that is less than was listed."""
    return Entry(
        node.path,
        node.kind,
        node.mode & 0o7777,
        node.uid,
        node.gid,
        node.mtime_ns,
        (node.size if size is None else size) if node.kind is Kind.FILE else 0,
        chunks,
        node.target,
        b"",
        list(node.xattrs),
        node.rdev,
        list(extents),
        node.owner,
        node.group,
        unread or node.unread,
    )
