"""A directory tree as a source. Knows nothing of how the tree was frozen or what becomes of its bytes."""

import os
import threading
import time
import weakref
from collections.abc import Callable, Generator, Iterator, Sequence
from pathlib import Path
from typing import Any

from proofkeep.descent import Descent
from proofkeep.errors import PolicyError, SourceChangedError, SourceProcessGoneError, SourceUnavailableError
from proofkeep.model import Node, SourceDescription
from proofkeep.ports import Counts
from proofkeep.sources.counting import Order, counted_beside
from proofkeep.sources.forerunner import Forerunner, is_worth_it
from proofkeep.sources.node import node_at, node_from
from proofkeep.sources.patterns import Selection
from proofkeep.sources.reading import GONE, FileReader, holds_whole, open_descriptor
from proofkeep.sources.walk import Identity, Walk

PROC = Path("/proc/self/fd")


class DirectorySource:
    """What lies below one directory, on Linux with /proc mounted.

    `walk` may run beside `open` and `again`, which several threads may call.
    """

    def __init__(
        self,
        root: Path,
        *,
        label: str,
        include: Sequence[str] = (),
        exclude: Sequence[str] = (),
        exclude_roots: Sequence[Path] = (),
        one_filesystem: bool = False,
        xattrs: bool = True,
        opening: bool = False,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        """Nothing is touched before the first walk.

        Args:
            root: may itself be a symbolic link; none below it is followed.
            label: for people and messages, no secret.
            include: patterns of what is wanted; everything when empty.
            exclude: patterns of what is not; these win.
            exclude_roots: directories of the repository, spool or ledger, left out wherever they lie in the tree.
            one_filesystem: record mount points without entering them.
            xattrs: read extended attributes and ACLs, which costs about as much as the rest of the walk.
            opening: a regular file is open while its node is a walk's latest, and `read_whole` need not look for it.
            clock: this host's, in ns; what stamps the files must not lag behind it by more than a second or two.

        Raises:
            PatternError: a pattern is malformed.
        """
        self.label = label
        self.facts = SourceDescription(os.fsencode(root), tuple(include), tuple(exclude))
        self._root = root
        self._selection = Selection(include, exclude)
        self._exclude_roots = tuple(exclude_roots)
        self._one_filesystem = one_filesystem
        self._xattrs = xattrs
        self._opening = opening
        self._clock = clock
        self._latest: Walk | Forerunner | None = None
        self._lock = threading.Lock()
        self._descent: Descent | None = None
        self._closing: weakref.finalize[..., Any] | None = None

    @property
    def counts(self) -> tuple[int, int, int]:
        """How many names the latest walk saw listed and then gone, mount points it did not enter, own directories."""
        return self._latest.counts if self._latest else (0, 0, 0)

    @property
    def vanished(self) -> int:
        """How many names the latest walk saw listed and then gone."""
        return self.counts[0]

    @property
    def other_filesystems(self) -> int:
        """How many mount points the latest walk did not enter."""
        return self.counts[1]

    @property
    def own_directories(self) -> int:
        """How many of `exclude_roots` the latest walk met and left out."""
        return self.counts[2]

    def walk(self, *, reading: bool = False) -> Iterator[Node]:
        """All wanted nodes, the root (path b"") first, sorted by their tuples of path components.

        With `reading`, a process beside this one does it where there are many, and reads the small files ahead.

        Raises:
            SourceUnavailableError: the root cannot be listed at all.
            PolicyError: the root is one of `exclude_roots` or lies in one.
            SourceProcessGoneError: that process was killed.
        """
        leave_out = self._identities_left_out()
        root = self._open_root()
        try:
            self._refuse_inside(leave_out, root)
            self.close()
            self._latest = self._forerunner(root, leave_out) if reading else None
        except BaseException:
            os.close(root)
            raise
        if self._latest is None:
            self._latest = self._walk(root, leave_out)
        else:
            os.close(root)
        nodes = self._latest.nodes()
        try:
            try:
                first = next(nodes)
            except OSError as error:
                raise self._unavailable("cannot be listed", error) from None
            yield first
            yield from nodes
        finally:
            nodes.close()

    def _walk(self, root: int, leave_out: frozenset[Identity]) -> Walk:
        return Walk(
            root,
            self._selection,
            leave_out=leave_out,
            one_filesystem=self._one_filesystem,
            xattrs=self._xattrs,
            clock=self._clock,
            opening=self._opening,
        )

    def _forerunner(self, root: int, leave_out: frozenset[Identity]) -> Forerunner | None:
        """None where this process walks by itself: there is little, or no process can be had."""
        one = self._one_filesystem
        if self._clock is not time.time_ns or not is_worth_it(root, self._selection, leave_out, one_filesystem=one):
            return None
        try:
            return Forerunner(root, self._order())
        except (OSError, UnicodeError, SourceProcessGoneError):
            return None

    def _order(self) -> Order:
        left_out = tuple(map(os.fsencode, self._exclude_roots))
        return Order(self.facts.include, self.facts.exclude, left_out, self._one_filesystem, self._xattrs)

    def count(self) -> Generator[Counts, None, None]:
        """See the port: a process of the lowest priority does it."""
        try:
            root = self._open_root()
        except SourceUnavailableError:
            return  # whoever walks will say so
        yield from counted_beside(root, self._order())

    def open(self, node: Node) -> FileReader:
        """Open the regular file `node`, whichever walk it came from.

        Raises:
            SourceChangedError: it vanished or became something else.
            SourceUnavailableError: it cannot be opened.
        """
        parent, _, name = node.path.rpartition(b"/")
        try:
            with self._lock:
                descriptor = open_descriptor(name, self._enter(parent), node.uid)
        except OSError as error:
            if error.errno in GONE:
                raise SourceChangedError(f"a file of source {self.label} vanished or became something else") from None
            raise self._unavailable("has a file that cannot be opened", error) from None
        return FileReader(descriptor, node, self.label)

    def read_whole(self, node: Node, buffer: memoryview) -> bool:
        """See the port: `open`, `readinto` and `unchanged` in one, for small files, of which there are many."""
        latest = self._latest
        if isinstance(latest, Forerunner):
            if latest.give(node, buffer):
                return True
        elif latest is not None and (descriptor := latest.descriptor_of(node)) is not None:
            return holds_whole(descriptor, node, buffer)
        parent, _, name = node.path.rpartition(b"/")
        try:
            with self._lock:
                descriptor = open_descriptor(name, self._enter(parent), node.uid)
        except OSError:
            return False
        try:
            return holds_whole(descriptor, node, buffer)
        finally:
            os.close(descriptor)

    def again(self, node: Node) -> Node | None:
        """The node as it is now; None when nothing has its name any more.

        Raises:
            SourceUnavailableError: it cannot be looked at.
        """
        parent, _, name = node.path.rpartition(b"/")
        try:
            with self._lock:
                directory = self._enter(parent)
                if not name:
                    status = os.fstat(directory)
                    return node_from(status, b"", directory, b"", xattrs=self._xattrs, now_ns=self._clock())
                return node_at(directory, name, node.path, xattrs=self._xattrs, now_ns=self._clock())
        except OSError as error:
            if error.errno in GONE:
                return None
            raise self._unavailable("has a node that cannot be looked at", error) from None

    def close(self) -> None:
        """Let go of the directories that `open` and `again` hold; they are opened anew when needed."""
        with self._lock:
            if self._closing is not None:
                self._closing()
            self._descent = self._closing = None

    def _enter(self, parent: bytes) -> int:
        """The open directory `parent`; the caller holds the lock for as long as it uses the descriptor."""
        if self._descent is None:
            self._descent = Descent(self._open_root())
            self._closing = weakref.finalize(self, self._descent.close)
        return self._descent.enter(parent)

    def _open_root(self) -> int:
        if self._xattrs and not PROC.is_dir():
            raise SourceUnavailableError(f"source {self.label} needs /proc to read extended attributes")
        try:
            return os.open(self._root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as error:
            raise self._unavailable("cannot be opened", error) from None

    def _identities_left_out(self) -> frozenset[Identity]:
        found = set()
        for path in self._exclude_roots:
            try:
                found.add(_identity(path.stat()))
            except (FileNotFoundError, NotADirectoryError):
                continue
            except OSError as error:
                raise self._unavailable("has a directory to leave out that cannot be looked at", error) from None
        return frozenset(found)

    def _refuse_inside(self, leave_out: frozenset[Identity], root: int) -> None:
        try:
            above = {_identity(folder.stat()) for folder in self._root.resolve().parents}
        except OSError as error:
            raise self._unavailable("lies in a directory that cannot be looked at", error) from None
        if not leave_out.isdisjoint({_identity(os.fstat(root)), *above}):
            raise PolicyError(f"source {self.label} lies in the repository's own directory")

    def _unavailable(self, what: str, error: OSError) -> SourceUnavailableError:
        return SourceUnavailableError(f"source {self.label} {what}: {os.strerror(error.errno or 0).lower()}")


def _identity(status: os.stat_result) -> Identity:
    return status.st_dev, status.st_ino
