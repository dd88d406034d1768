"""One pass over a directory tree in walk order: a directory first, then what it holds, sorted bytewise by name.

Depth and breadth are bounded by memory alone: no recursion, no path handed to the kernel; what is kept are the names
still to come on the way down. Reads no file's content.
"""

import errno
import os
import stat
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass

from msgspec.structs import replace

from proofkeep.descent import Descent
from proofkeep.errors import SourceUnavailableError
from proofkeep.model import Kind, Node
from proofkeep.sources.node import node_at, node_from, unread_node
from proofkeep.sources.patterns import Selection, Verdict
from proofkeep.sources.reading import UNNOTICED, owns

Identity = tuple[int, int]
Listed = tuple[bytes, bool, bool]
"""A name, and whether it was listed as a directory, or as a regular file."""
Step = tuple[Node, bool]
# Writers store no path over 64 KiB (format.md section 9): a directory this deep is named as unread, not entered.
MAX_ENTERED = (64 << 10) - 256
NOT_THERE = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP})


@dataclass(slots=True)
class _Level:
    """A directory on the way down: what is to come in it, the next one last; `ours` if its owner is who walks."""

    names: list[Listed]
    prefix: int
    taken: bool
    ours: bool


class Walk:
    """Yields every wanted node below an open root, and counts what it met on the way.

    `vanished` counts names that were listed but gone a moment later, `other_filesystems` the mount points not entered,
    `own_directories` those of the repository or spool that were left out.
    """

    def __init__(
        self,
        root: int,
        selection: Selection,
        *,
        leave_out: frozenset[Identity],
        one_filesystem: bool,
        xattrs: bool,
        clock: Callable[[], int],
        opening: bool = False,
    ) -> None:
        """Take over the open directory `root`; `leave_out` names directories by (device, inode), `clock` tells ns.

        With `opening`, regular files are looked at by opening them; see `descriptor_of`.
        """
        self.vanished = 0
        self.other_filesystems = 0
        self.own_directories = 0
        self._descent = Descent(root)
        self._root_device = os.fstat(root).st_dev
        self._selection = None if selection.takes_everything else selection
        self._leave_out = leave_out
        self._one_filesystem = one_filesystem
        self._xattrs = xattrs
        self._clock = clock
        self._opening = opening
        self._opened: tuple[Node, int] | None = None
        self._levels: list[_Level] = []
        self._prefix = b""

    @property
    def counts(self) -> tuple[int, int, int]:
        """`vanished`, `other_filesystems` and `own_directories` so far."""
        return self.vanished, self.other_filesystems, self.own_directories

    def nodes(self) -> Generator[Node, None, None]:
        """The nodes, the root first; closes the root at the end.

        A directory merely on the way to an include is yielded when the first wanted node below it is.

        Raises:
            OSError: the root itself cannot be listed.
        """
        passed: list[Node] = []
        try:
            for node, wanted in self._steps():
                while passed and not node.path.startswith(passed[-1].path + b"/"):
                    passed.pop()
                if not wanted:
                    passed.append(node)
                    continue
                if passed:
                    yield from passed
                    passed.clear()
                yield node
        finally:
            self._close_file()
            self._descent.close()

    def descriptor_of(self, node: Node) -> int | None:
        """The open file that `node` was described by, while it is the latest; None where it was looked at by name."""
        return self._opened[1] if self._opened is not None and self._opened[0] is node else None

    def _steps(self) -> Iterator[Step]:
        """Every node not left out, with whether it is wanted for itself."""
        root = self._descent.current()
        names = _listing(root)
        status = os.fstat(root)
        yield self._described(status, b"", root, b""), True
        self._levels.append(_Level(names, 0, taken=False, ours=owns(status.st_uid)))
        while self._levels:
            level = self._levels[-1]
            if level.names:
                yield from self._go_on(level)
            else:
                self._levels.pop()
                self._prefix = self._prefix[: level.prefix]
                if self._levels:
                    self._descent.up()

    def _go_on(self, level: _Level) -> Iterator[Step]:
        """What the current directory still holds, up to and including the next one to be entered."""
        try:
            directory = self._descent.current()
        except OSError as error:
            yield from self._give_up(level, error)
            return
        while level.names:
            name, is_directory, is_file = level.names.pop()
            path = self._prefix + name
            wanted = True
            if self._selection is not None:
                verdict = self._selection.judge(path, directory=is_directory, inside=level.taken)
                if verdict is Verdict.LEAVE:
                    continue
                wanted = verdict is Verdict.TAKE
            node = self._open(name, path, directory) if is_file and self._opening and level.ours else None
            try:
                node = node or self._look(name, path, directory, wanted=wanted)
            except OSError as error:
                node = self._unseen(error, path, is_directory=is_directory)
            if node is not None:
                yield node, wanted or bool(node.unread)
                if level is not self._levels[-1]:
                    return

    def _look(self, name: bytes, path: bytes, directory: int, *, wanted: bool) -> Node | None:
        """What lies at a name of the open `directory`; a directory is entered."""
        status = os.stat(name, dir_fd=directory, follow_symlinks=False)
        if stat.S_ISDIR(status.st_mode):
            return self._enter(status, name, path, wanted=wanted)
        return self._described(status, path, directory, name)

    def _open(self, name: bytes, path: bytes, directory: int) -> Node | None:
        """A regular file as it is once it is open, by one look at its name; None where that takes another."""
        self._close_file()
        try:
            descriptor = os.open(name, UNNOTICED, dir_fd=directory)
        except OSError:
            return None
        try:
            status = os.fstat(descriptor)
            node = self._described(status, path, descriptor, b"") if stat.S_ISREG(status.st_mode) else None
        except OSError:
            node = None
        if node is None:
            os.close(descriptor)
        else:
            self._opened = node, descriptor
        return node

    def _close_file(self) -> None:
        if self._opened is not None:
            os.close(self._opened[1])
            self._opened = None

    def _enter(self, status: os.stat_result, name: bytes, path: bytes, *, wanted: bool) -> Node | None:
        """Make the directory `name` the current level, unless it is not to be entered; its node, if it has one."""
        if (status.st_dev, status.st_ino) in self._leave_out:
            self.own_directories += 1
            return None
        above = self._descent.current()
        if self._one_filesystem and status.st_dev != self._root_device:
            self.other_filesystems += 1
            return self._described(status, path, above, name)
        if len(path) > MAX_ENTERED:
            return _unread(self._described(status, path, above, name))
        try:
            directory = self._descent.down(name)
        except OSError as error:
            if error.errno == errno.ENOENT:
                raise
            node = node_at(above, name, path, xattrs=self._xattrs, now_ns=self._clock())
            return _unread(node) if node.kind is Kind.DIRECTORY else node
        try:
            names = _listing(directory)
            # From the descriptor: what is described is then what was listed, whatever the name means by now.
            status = os.fstat(directory)
            node = self._described(status, path, directory, b"")
        except OSError:
            self._descent.up()
            return _unread(self._described(status, path, self._descent.current(), name))
        taken = wanted and self._selection is not None
        self._levels.append(_Level(names, len(self._prefix), taken=taken, ours=owns(status.st_uid)))
        self._prefix = path + b"/"
        return node

    def _described(self, status: os.stat_result, path: bytes, directory: int, name: bytes) -> Node:
        return node_from(status, path, directory, name, xattrs=self._xattrs, now_ns=self._clock())

    def _unseen(self, error: OSError, path: bytes, *, is_directory: bool) -> Node | None:
        """What stands for a name that cannot be looked at; None when it is simply gone."""
        if error.errno in NOT_THERE:
            self.vanished += 1
            return None
        return unread_node(path, Kind.DIRECTORY if is_directory else Kind.FILE)

    def _give_up(self, level: _Level, error: OSError) -> Iterator[Step]:
        """Account for what a directory held that cannot be reached again from the root."""
        while level.names:
            name, is_directory, _ = level.names.pop()
            path = self._prefix + name
            if self._selection is not None:
                verdict = self._selection.judge(path, directory=is_directory, inside=level.taken)
                if verdict is Verdict.LEAVE:
                    continue
            node = self._unseen(error, path, is_directory=is_directory)
            if node is not None:
                yield node, True


def _unread(node: Node) -> Node:
    return replace(node, unread=SourceUnavailableError.code)


def _listing(directory: int) -> list[Listed]:
    """What an open directory holds, sorted so that the bytewise smallest name is popped first."""
    with os.scandir(directory) as entries:
        names = [
            (os.fsencode(entry.name), entry.is_dir(follow_symlinks=False), entry.is_file(follow_symlinks=False))
            for entry in entries
        ]
    names.sort(reverse=True)
    return names
