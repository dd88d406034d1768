"""Make a node of what lies at one name of an open directory."""

import errno
import os
import stat

from proofkeep.errors import SourceChangedError, SourceUnavailableError
from proofkeep.model import Kind, Node
from proofkeep.sources.attributes import Attributes, place_below, read_attributes

KINDS = {
    stat.S_IFREG: Kind.FILE,
    stat.S_IFDIR: Kind.DIRECTORY,
    stat.S_IFLNK: Kind.SYMLINK,
    stat.S_IFIFO: Kind.FIFO,
    stat.S_IFCHR: Kind.CHARACTER_DEVICE,
    stat.S_IFBLK: Kind.BLOCK_DEVICE,
    stat.S_IFSOCK: Kind.SOCKET,
}
DEVICES = frozenset({Kind.CHARACTER_DEVICE, Kind.BLOCK_DEVICE})
MOST_NS = 2**63 - 1

# Coarsest are FAT, which keeps even seconds, and a file server whose clock is not quite ours.
SETTLING_NS = 3 * 10**9


def node_at(directory: int, name: bytes, path: bytes, *, xattrs: bool, now_ns: int) -> Node:
    """What lies at `name` below the open `directory`; attributes or a link target that cannot be read set `unread`.

    `now_ns` is the instant of this look.

    Raises:
        OSError: it cannot be looked at, or vanished.
    """
    status = os.stat(name, dir_fd=directory, follow_symlinks=False)
    return node_from(status, path, directory, name, xattrs=xattrs, now_ns=now_ns)


def node_from(status: os.stat_result, path: bytes, directory: int, name: bytes, *, xattrs: bool, now_ns: int) -> Node:
    """As `node_at`, with the lstat done; `name` b"" means `directory` itself."""
    kind = KINDS.get(stat.S_IFMT(status.st_mode))
    if kind is None:
        return unread_node(path, Kind.FILE)
    target = b""
    unread = ""
    attributes: Attributes = ()
    try:
        if xattrs:
            attributes = read_attributes(place_below(directory) + name if name else directory)
        if kind is Kind.SYMLINK:
            target = os.readlink(name, dir_fd=directory)
    except OSError as error:
        if error.errno == errno.ENOENT:
            raise
        unread = SourceChangedError.code if error.errno == errno.EINVAL else SourceUnavailableError.code
    regular = kind is Kind.FILE
    return Node(
        path,
        kind,
        stat.S_IMODE(status.st_mode),
        status.st_uid,
        status.st_gid,
        within_range(status.st_mtime_ns),
        within_range(status.st_ctime_ns),
        status.st_size if regular else len(target),
        status.st_dev,
        status.st_ino,
        status.st_rdev if kind in DEVICES else 0,
        target,
        attributes,
        (status.st_dev, status.st_ino) if regular and status.st_nlink > 1 else None,
        unread,
        settled=_settled(status, now_ns),
    )


def _settled(status: os.stat_result, now_ns: int) -> bool:
    """Whether a change from now on must get other times.

    A change time from the future is the stamping clock's and proves nothing; a modification time may be anybody's wish,
    and a change puts it back to now.
    """
    return status.st_ctime_ns < now_ns - SETTLING_NS and abs(status.st_mtime_ns - now_ns) > SETTLING_NS


def within_range(instant_ns: int) -> int:
    """A file's time as a manifest can hold it: of one beyond the years 1677 to 2262, the nearest within."""
    return instant_ns if -MOST_NS <= instant_ns <= MOST_NS else max(-MOST_NS, min(instant_ns, MOST_NS))


def unread_node(path: bytes, kind: Kind) -> Node:
    """A name of which nothing but, perhaps, its kind is known."""
    return Node(path, kind, 0, 0, 0, 0, 0, 0, 0, 0, unread=SourceUnavailableError.code)
