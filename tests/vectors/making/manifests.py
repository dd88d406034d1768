"""Vectors of section 9: segments, and trees that a reader refuses."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from tests.vectors.making.encoding import pack
from tests.vectors.making.vector import Vector
from tests.vectors.making.world import AT_NS, chunk_id, path_id, segment_id

FILE, DIRECTORY, SYMLINK, FIFO, CHARACTER_DEVICE, BLOCK_DEVICE, SOCKET, CONTINUATION = range(8)
FIELDS = ["path", "kind", "mode", "uid", "gid", "mtime", "size", "chunks", "target", "hardlink", "xattrs", "rdev"]
FIELDS += ["extents", "owner", "group", "unread"]
MIB = 1 << 20


def row(path: bytes, kind: int = FILE, **changes: Any) -> list[Any]:
    """A manifest row in the format's order of fields."""
    fields: dict[str, Any] = {
        "path": path,
        "kind": kind,
        "mode": 0o755 if kind == DIRECTORY else 0o644,
        "uid": 1000,
        "gid": 100,
    }
    fields |= {
        "mtime": AT_NS - 1,
        "size": 0,
        "chunks": b"",
        "target": b"",
        "hardlink": b"",
        "xattrs": [],
        "rdev": 0,
        "extents": [],
    }
    fields |= {"owner": b"ana", "group": b"users", "unread": "", **changes}
    return [fields[name] for name in FIELDS]


def continuation(path: bytes, chunks: bytes, extents: Sequence[int] = ()) -> list[Any]:
    empty: dict[str, Any] = {"mode": 0, "uid": 0, "gid": 0, "mtime": 0, "owner": b"", "group": b""}
    return row(path, CONTINUATION, **empty, chunks=chunks, extents=list(extents))


ROOT = row(b"", DIRECTORY)
CHUNK = chunk_id(b"content")


class Tree:
    """Segments by id, as they are made; a segment's figures are what its parent says of it."""

    def __init__(self) -> None:
        self.segments: dict[bytes, bytes] = {}

    def leaf(self, rows: Sequence[Any]) -> list[Any]:
        plain = pack([0, list(rows)])
        entries = sum(r[1] != CONTINUATION for r in rows)
        return self.child(
            plain, rows[0][0] if rows else b"", rows[-1][0] if rows else b"", entries, sum(r[6] for r in rows)
        )

    def inner(self, level: int, children: Sequence[Any]) -> list[Any]:
        plain = pack([level, list(children)])
        return self.child(
            plain, children[0][2], children[-1][3], sum(c[4] for c in children), sum(c[5] for c in children)
        )

    def child(self, plain: bytes, first: bytes, last: bytes, entries: int, size: int) -> list[Any]:
        self.segments[segment_id(plain)] = plain
        return [segment_id(plain), len(plain), first, last, entries, size]


def root_of(child: Sequence[Any], level: int, prefix: bytes = b"") -> list[Any]:
    return [prefix, child[0], child[1], level, child[4], child[5]]


def walked(name: str, comment: str, tree: Tree, root: Sequence[Any], entries: Any, expect: str = "ok") -> Vector:
    inputs = {"root": list(root), "segments": tree.segments}
    return Vector(name, 9, "walk", comment, inputs, {"entries": entries} if expect == "ok" else None, expect)


def refused(name: str, comment: str, rows: Sequence[Any], expect: str = "malformed") -> Vector:
    tree = Tree()
    return walked(name, comment, tree, root_of(tree.leaf(rows), 0), None, expect)


def segments() -> Iterator[Vector]:
    group = path_id(b"data/a")
    rows = [
        ROOT,
        row(b"data", DIRECTORY, mode=0o2750),
        row(b"data/a", size=7, chunks=CHUNK, hardlink=group, xattrs=[[b"user.note", b"\0x"], [b"user.zone", b""]]),
        row(b"data/b", size=7, chunks=CHUNK, hardlink=group, mtime=-1),
        row(b"data/hole", size=1 << 40),
        row(b"data/holes", size=1 << 33, chunks=CHUNK * 2, extents=[4096, 7, 1 << 32, 7]),
        row(b"data/lost", size=9, unread="source-changed"),
        row(b"data-1", SYMLINK, mode=0o777, target=b"../\xff"),
        row(b"null", CHARACTER_DEVICE, rdev=1 << 8 | 3),
        row(b"pipe", FIFO),
    ]
    plain = pack([0, rows])
    yield Vector("segment_leaf", 9, "segment", "One entry of most kinds.", {"plain": plain}, {"level": 0, "rows": rows})
    tree = Tree()
    children = [tree.leaf(rows[:4]), tree.leaf(rows[4:])]
    plain = pack([1, children])
    yield Vector(
        "segment_inner",
        9,
        "segment",
        "The same entries in two leaves.",
        {"plain": plain},
        {"level": 1, "rows": children},
    )


def continued() -> Iterator[Vector]:
    tree = Tree()
    size = 21 + 4096
    head = row(b"large", size=size, chunks=CHUNK, extents=[0, 7])
    leaves = [
        tree.leaf([ROOT, head]),
        tree.leaf([continuation(b"large", CHUNK, [100, 7])]),
        tree.leaf([continuation(b"large", CHUNK, [4096, 7]), row(b"later")]),
    ]
    joined = row(b"large", size=size, chunks=CHUNK * 3, extents=[0, 7, 100, 7, 4096, 7])
    prefixed = [[b"shard" + (b"/" if r[0] else b"") + r[0], *r[1:]] for r in (ROOT, joined, row(b"later"))]
    comment = "A file with two continuations over three segments, below a root with a prefix."
    yield walked("segment_continuation", comment, tree, root_of(tree.inner(1, leaves), 1, b"shard"), prefixed)
    astray = [ROOT, row(b"a", size=7, chunks=CHUNK), row(b"b"), continuation(b"a", CHUNK)]
    yield refused("continuation_astray", "A continuation of a file that is not directly before it.", astray)


def unsafe() -> Iterator[Vector]:
    for name, path in (
        ("entry_dot_dot", b".."),
        ("entry_absolute", b"/etc"),
        ("entry_dot", b"."),
        ("entry_nul", b"a\0b"),
    ):
        yield refused(name, f"The path {path!r}.", [ROOT, row(path)], "unsafe-path")
    below = [ROOT, row(b"a", DIRECTORY), row(b"a//b")]
    yield refused("entry_empty_component", "The path a//b.", below, "unsafe-path")
    link = row(b"a", SYMLINK, target=b"/etc")
    yield refused(
        "entry_below_symlink", "The path a/b where a is a symbolic link.", [ROOT, link, row(b"a/b")], "unsafe-path"
    )
    yield refused("entry_below_file", "The path a/b where a is a file.", [ROOT, row(b"a"), row(b"a/b")], "unsafe-path")


def disordered() -> Iterator[Vector]:
    yield refused("entries_out_of_order", "b before a.", [ROOT, row(b"b"), row(b"a")])
    component_order = [ROOT, row(b"a", DIRECTORY), row(b"a-b"), row(b"a/b")]
    assert sorted(component_order, key=lambda r: r[0].split(b"/")) != component_order
    yield refused("entries_duplicate", "The path a twice.", [ROOT, row(b"a"), row(b"a")])
    yield refused("entry_without_parent", "The path a/b where a is not listed.", [ROOT, row(b"a/b")])
    yield refused("entry_size_of_directory", "A directory of 4,096 bytes.", [ROOT, row(b"a", DIRECTORY, size=4096)])
    yield refused("segment_empty", "A leaf without rows.", [])
    long = row(b"x" * (MIB + 1))
    vector = refused("path_too_long", "A path of 1 MiB and one byte.", [ROOT, long])
    yield Vector(vector.name, 13, vector.function, vector.comment, vector.inputs, None, vector.expect)


def lying_children() -> Iterator[Vector]:
    def lying(name: str, comment: str, lie: Callable[[list[Any]], list[Any]]) -> Vector:
        tree = Tree()
        first = tree.leaf([ROOT, row(b"a", size=7, chunks=CHUNK), row(b"b")])
        second = lie(tree.leaf([row(b"c"), row(b"d", size=7, chunks=CHUNK)]))
        return walked(name, comment, tree, root_of(tree.inner(1, [first, second]), 1), None, "malformed")

    yield lying("child_range_lies", "The second child's first path is bb, not c.", lambda c: [*c[:2], b"bb", *c[3:]])
    yield lying("child_counts_lie", "The second child has two entries and says three.", lambda c: [*c[:4], 3, c[5]])
    tree = Tree()
    child = tree.leaf([ROOT, row(b"a")])
    for level in range(1, 9):
        child = tree.inner(level, [child])
    yield walked("tree_too_deep", "Nine levels, 0 to 8.", tree, root_of(child, 8), None, "malformed")


def contents() -> Iterator[Vector]:
    def content(name: str, comment: str, entry: list[Any], lengths: Sequence[int]) -> Vector:
        inputs = {"entry": entry, "lengths": list(lengths)}
        return Vector(name, 9, "content", comment, inputs, None, "malformed")

    yield content("file_size_lies", "8 bytes by the entry, 7 by its chunk.", row(b"a", size=8, chunks=CHUNK), [7])
    past = row(b"a", size=8, chunks=CHUNK * 2, unread="source-changed")
    yield content("file_chunks_past_end", "8 bytes by the entry, 9 by its chunks; not read whole.", past, [7, 2])
    overlap = row(b"a", size=100, chunks=CHUNK * 2, extents=[0, 8, 7, 6])
    yield content("extents_overlap", "The second extent begins within the first.", overlap, [7, 7])
    beyond = row(b"a", size=100, chunks=CHUNK * 2, extents=[0, 7, 94, 7])
    yield content("extents_past_end", "The second extent ends one byte behind the file.", beyond, [7, 7])


def vectors() -> Iterator[Vector]:
    """All vectors of this module."""
    yield from segments()
    yield from continued()
    yield from unsafe()
    yield from disordered()
    yield from lying_children()
    yield from contents()
