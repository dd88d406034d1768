"""Is the restored tree the source again? Asked of the filesystem alone; nothing of the engine is used.

Content byte for byte; kind, mode, owner, mtime to the nanosecond, extended attributes with ACLs, link targets and
hardlink groups of regular files (the format keeps no others). Holes are content (zeros) here. Sockets and devices are
not restored unless asked for.
"""

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain

PIECE = 1 << 20

NOT_RESTORED = (stat.S_IFSOCK, stat.S_IFCHR, stat.S_IFBLK)
NEED_ROOT = ("security.", "trusted.")

Inode = tuple[int, int]


@dataclass(frozen=True)
class Difference:
    """One path, relative to both trees, and what is wrong with it in words."""

    path: bytes
    what: str


@dataclass
class Comparison:
    """What was compared and what differs.

    Attributes:
        nodes: everything compared, root included; `files` and `bytes` of it.
        left_out: sockets and devices of the source.
        parted: names that share a symbolic link or FIFO in the source and have one each in the restored tree.
        not_ours: owners, and attributes of root's, that only root can bring back, where this user is not root.
        moved: how many of the differences lie at nodes that changed in the source after it was backed up.
    """

    nodes: int = 0
    files: int = 0
    bytes: int = 0
    left_out: int = 0
    parted: int = 0
    not_ours: int = 0
    moved: int = 0
    differences: list[Difference] = field(default_factory=list)

    @property
    def identical(self) -> bool:
        """Whether something was compared and nothing differs."""
        return self.nodes > 1 and not self.differences


def compare(source: bytes, restored: bytes, *, since_ns: int, ignored: frozenset[bytes] = frozenset()) -> Comparison:
    """Compare two trees.

    Args:
        since_ns: when the backup began; what changed in the source after that is no fault of the restore.
        ignored: paths below the source, relative to it, that were not backed up.
    """
    return _Pair(source, restored, since_ns, ignored).compare()


class _Pair:
    """Two trees, walked side by side."""

    def __init__(self, source: bytes, restored: bytes, since_ns: int, ignored: frozenset[bytes]) -> None:
        self._source = source
        self._restored = restored
        self._since_ns = since_ns
        self._ignored = ignored
        self._found = Comparison()
        self._there: dict[Inode, Inode] = {}
        self._back: dict[Inode, Inode] = {}

    def compare(self) -> Comparison:
        for path in chain([b""], self._paths(b"")):
            try:
                self._compare_node(path)
            except OSError as error:
                self._differs(path, f"cannot be compared: {error.strerror}")
        return self._found

    def _differs(self, path: bytes, what: str) -> None:
        self._found.differences.append(Difference(path, what))
        try:
            changed_ns = os.lstat(_join(self._source, path)).st_ctime_ns
        except FileNotFoundError:
            changed_ns = os.lstat(os.path.dirname(_join(self._source, path))).st_ctime_ns  # noqa: PTH120 - as above
        self._found.moved += changed_ns > self._since_ns

    def _paths(self, folder: bytes) -> Iterator[bytes]:
        """What lies below a folder in both trees; notes what lies in one of them only."""
        try:
            here, there = (set(os.listdir(_join(tree, folder))) for tree in (self._source, self._restored))  # noqa: PTH208 - bytes
        except OSError as error:
            self._differs(folder, f"cannot be listed: {error.strerror}")
            return
        for name in sorted(here | there):
            path = _join(folder, name) if folder else name
            if path in self._ignored:
                continue
            if name in here and name in there:
                yield path
                if self._is_directory_in_both(path):
                    yield from self._paths(path)
            elif name in there:
                self._differs(path, "is in the restored tree only")
            elif stat.S_IFMT(os.lstat(_join(self._source, path)).st_mode) in NOT_RESTORED:
                self._found.left_out += 1
            else:
                self._differs(path, "is missing from the restored tree")

    def _is_directory_in_both(self, path: bytes) -> bool:
        return all(stat.S_ISDIR(os.lstat(_join(tree, path)).st_mode) for tree in (self._source, self._restored))

    def _compare_node(self, path: bytes) -> None:
        one, other = _join(self._source, path), _join(self._restored, path)
        wanted, got = os.lstat(one), os.lstat(other)
        self._found.nodes += 1
        if stat.S_IFMT(wanted.st_mode) != stat.S_IFMT(got.st_mode):
            self._differs(path, "is of another kind")
            return
        what = [*_different_fields(wanted, got), *_different_content(one, other, wanted)]
        if (wanted.st_uid, wanted.st_gid) != (got.st_uid, got.st_gid):
            what += self._unless_not_ours("owner", needs_root=True)
        if attributes := _different_attributes(one, other):
            what += self._unless_not_ours(
                "attributes", needs_root=all(name.startswith(NEED_ROOT) for name in attributes)
            )
        if not stat.S_ISDIR(wanted.st_mode) and not self._same_group(wanted, got):
            if stat.S_ISREG(wanted.st_mode) or got.st_nlink > 1:
                what.append("hardlinks")
            else:
                self._found.parted += 1
        if stat.S_ISREG(wanted.st_mode):
            self._found.files += 1
            self._found.bytes += wanted.st_size
        if what:
            self._differs(path, f"differs in {', '.join(what)}")

    def _unless_not_ours(self, what: str, *, needs_root: bool) -> list[str]:
        if needs_root and os.geteuid() != 0:
            self._found.not_ours += 1
            return []
        return [what]

    def _same_group(self, wanted: os.stat_result, got: os.stat_result) -> bool:
        """Two names are one file in the restored tree exactly if they are in the source."""
        if wanted.st_nlink == 1 and got.st_nlink == 1:
            return True
        here, there = (wanted.st_dev, wanted.st_ino), (got.st_dev, got.st_ino)
        return self._there.setdefault(here, there) == there and self._back.setdefault(there, here) == here


def _join(tree: bytes, path: bytes) -> bytes:
    return tree + b"/" + path if path else tree


def _different_fields(wanted: os.stat_result, got: os.stat_result) -> Iterator[str]:
    if stat.S_IMODE(wanted.st_mode) != stat.S_IMODE(got.st_mode):
        yield "mode"
    if wanted.st_mtime_ns != got.st_mtime_ns:
        yield "mtime"
    if not stat.S_ISDIR(wanted.st_mode) and wanted.st_size != got.st_size:
        yield "size"


def _different_content(one: bytes, other: bytes, status: os.stat_result) -> Iterator[str]:
    if stat.S_ISLNK(status.st_mode) and os.readlink(one) != os.readlink(other):  # noqa: PTH115 - paths are bytes
        yield "link target"
    if stat.S_ISREG(status.st_mode) and not _same_bytes(one, other):
        yield "content"


def _same_bytes(one: bytes, other: bytes) -> bool:
    with open(one, "rb", buffering=0) as first, open(other, "rb", buffering=0) as second:  # noqa: PTH123 - as above
        while True:
            wanted, got = first.read(PIECE), second.read(PIECE)
            if wanted != got:
                return False
            if not wanted:
                return True


def _different_attributes(one: bytes, other: bytes) -> set[str]:
    wanted, got = _attributes(one), _attributes(other)
    return {name for name in wanted.keys() | got.keys() if wanted.get(name) != got.get(name)}


def _attributes(path: bytes) -> dict[str, bytes]:
    """Empty where the filesystem keeps none."""
    try:
        names = os.listxattr(path, follow_symlinks=False)
        return {name: os.getxattr(path, name, follow_symlinks=False) for name in names}
    except OSError:
        return {}
