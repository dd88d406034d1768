"""Manifest entries made up or taken from a source, and trees compared by everything a restore brings back."""

from pathlib import Path
from typing import Any

from proofkeep.format.manifest import Entry
from proofkeep.model import Kind, Node
from proofkeep.sources.directory import DirectorySource
from proofkeep.targets.directory import DirectoryTarget

SOME_CHUNK = bytes(32)


def entry(path: bytes, kind: Kind = Kind.FILE, **fields: Any) -> Entry:
    """An entry of this user's own; a file with a size has content."""
    ours: dict[str, Any] = {"mode": 0o644, "uid": 0, "gid": 0, "mtime_ns": 1_000_000_000, "size": 0}
    if fields.get("size"):
        ours["chunks"] = SOME_CHUNK
    return Entry(path, kind, **(ours | fields))


def put_file(target: DirectoryTarget, file: Entry, content: bytes) -> None:
    """Create, fill and finish one file."""
    restored = target.create(file)
    target.write(restored, 0, content)
    target.finish(restored)


def copy(source: DirectorySource, target: DirectoryTarget) -> None:
    """Restore what the source holds, as a restore verb would, without a repository between."""
    names: dict[tuple[int, int], bytes] = {}
    for node in source.walk():
        first = names.setdefault(node.hardlink, node.path) if node.hardlink else node.path
        if first != node.path:
            target.link(node.path, first)
        elif node.kind is Kind.FILE:
            copy_file(source, node, target)
        else:
            target.make(entry_of(node))


def copy_file(source: DirectorySource, node: Node, target: DirectoryTarget) -> None:
    reader = source.open(node)
    extents = reader.extents()
    flat = [number for extent in extents or () for number in extent]
    chunks = SOME_CHUNK if node.size and extents != [] else b""
    restored = target.create(entry_of(node, extents=flat, chunks=chunks))
    buffer = memoryview(bytearray(100_000))
    position = 0
    while count := reader.readinto(buffer):
        target.write(restored, position, buffer[:count])
        position += count
    reader.close()
    target.finish(restored)


def entry_of(node: Node, **fields: Any) -> Entry:
    return Entry(
        node.path,
        node.kind,
        node.mode,
        node.uid,
        node.gid,
        node.mtime_ns,
        node.size,
        target=node.target,
        xattrs=list(node.xattrs),
        rdev=node.rdev,
        **fields,
    )


def portrait(root: Path) -> dict[bytes, tuple[Any, ...]]:
    """All that a restore brings back of each node, content, holes and hardlink groups included."""
    source = DirectorySource(root, label="portrait")
    groups: dict[tuple[int, int], bytes] = {}
    seen = {}
    for node in source.walk():
        group = groups.setdefault(node.hardlink, node.path) if node.hardlink else None
        described = (node.kind, node.mode, node.uid, node.gid, node.mtime_ns, node.size, node.rdev, node.target)
        seen[node.path] = (*described, node.xattrs, group, node.unread, *content_of(source, node))
    source.close()
    return seen


def content_of(source: DirectorySource, node: Node) -> tuple[Any, ...]:
    if node.kind is not Kind.FILE:
        return ()
    reader = source.open(node)
    buffer = bytearray(1 << 20)
    content = bytearray()
    while count := reader.readinto(memoryview(buffer)):
        content += buffer[:count]
    extents = reader.extents()
    reader.close()
    return bytes(content), extents


def everything_about(place: Path) -> dict[str, tuple[Any, ...]]:
    """Bytes and metadata below `place`, times and inodes included: equal only if nothing was touched."""
    seen = {}
    for path in [place, *sorted(place.rglob("*"))]:
        status = path.lstat()
        content = path.read_bytes() if path.is_file() and not path.is_symlink() else b""
        fields = (status.st_mode, status.st_ino, status.st_nlink, status.st_uid, status.st_gid, status.st_size)
        seen[str(path)] = (*fields, status.st_mtime_ns, status.st_ctime_ns, content)
    return seen
