"""A process that walks a source ahead of its backup and reads the small files, of which every one will be needed.

One interpreter runs one thread's Python at a time: of a small file's way into a pack, more than half is looking at it.
"""

import threading
from collections import deque
from collections.abc import Generator, Sequence
from itertools import islice

import msgspec

from proofkeep.errors import SourceProcessGoneError
from proofkeep.model import Node
from proofkeep.sources.counting import Order, encode, names_below
from proofkeep.sources.patterns import Selection

SMALL = 24 << 10  # of a walk's 256 nodes in hand, as much as is kept
MOST_NODES = 256
PART = 1 << 20
PARTS = 10
_KEPT = 6  # how far behind the walk content is still asked for; the rest is what the process is ahead
MANY = 4096
_STATE = ("size", "mtime_ns", "ctime_ns", "inode", "device")


class Step(msgspec.Struct, array_like=True, frozen=True, tag=0):
    """The next nodes, and where the content of each lies in the step's part of the memory; -1 where it was not read.

    Attributes:
        counts: `vanished`, `other_filesystems` and `own_directories` so far.
    """

    nodes: list[Node]
    places: list[int]
    counts: tuple[int, int, int]


class End(msgspec.Struct, array_like=True, frozen=True, tag=1):
    """No more nodes come."""

    counts: tuple[int, int, int]


decode = msgspec.msgpack.Decoder(Step | End).decode


class Forerunner:
    """What the process found, in order. For one thread, but for `give`, which several may call.

    Attributes:
        counts: as of the step that the nodes taken last came in.
    """

    def __init__(self, root: int, order: Order) -> None:
        """Start it below the open directory `root`, and wait for its first step.

        Raises:
            OSError, SourceProcessGoneError: it cannot be had here; nothing of it stays.
        """
        from proofkeep.beside import Beside  # noqa: PLC0415 - most walks start without it

        said = encode(order)
        self.counts = 0, 0, 0
        self._contents: dict[bytes, tuple[Node, memoryview]] = {}
        self._steps: deque[list[bytes]] = deque()
        self._lock = threading.Lock()
        self._beside = Beside("proofkeep.source_worker", PARTS * PART, [root])
        self._memory = memoryview(self._beside.memory)
        try:
            self._beside.connection.send_bytes(said)
            self._first = self._next()
        except BaseException:
            self._end()
            raise

    def nodes(self) -> Generator[Node, None, None]:
        """As `Walk.nodes`; the process ends with it. Raises `SourceProcessGoneError`."""
        part, step = 0, self._first
        try:
            while isinstance(step, Step):
                self._keep(step, part)
                part = (part + 1) % PARTS
                yield from step.nodes
                step = self._next()
            with self._lock:  # the last of them are still to be given
                self._contents = {
                    path: (node, memoryview(bytes(content))) for path, (node, content) in self._contents.items()
                }
        except BaseException:
            with self._lock:
                self._contents = {}
            raise
        finally:
            self._end()

    def give(self, node: Node, buffer: memoryview) -> bool:
        """Fill `buffer` with what was read of a file as `node` lists it, if it is still there; each is given once."""
        with self._lock:
            listed, content = self._contents.pop(node.path, (None, None))
            if listed is None or content is None or not (listed is node or _is_same(listed, node)):
                return False
            if content:  # of an empty file the buffer may be one that nothing can be written to
                buffer[:] = content
            del content  # while locked: memory that is looked at cannot be given back
            return True

    def _next(self) -> Step | End:
        try:
            step: Step | End = decode(self._beside.connection.recv_bytes())
            if isinstance(step, Step) and len(self._steps) == _KEPT:
                self._forget(self._steps.popleft())
                self._beside.connection.send_bytes(b"")  # the oldest part may be filled anew
        except (OSError, EOFError):
            raise SourceProcessGoneError("the process that walks the source is gone") from None
        self.counts = step.counts
        return step

    def _keep(self, step: Step, part: int) -> None:
        base = part * PART
        read = {
            node.path: (node, self._memory[base + place : base + place + node.size])
            for node, place in zip(step.nodes, step.places, strict=True)
            if place >= 0
        }
        with self._lock:
            self._contents |= read
        self._steps.append([*read])

    def _forget(self, paths: Sequence[bytes]) -> None:
        with self._lock:
            for path in paths:
                self._contents.pop(path, None)

    def _end(self) -> None:
        self._memory.release()
        self._beside.end()


def _is_same(listed: Node, node: Node) -> bool:
    """Whether two listings of one path are of the same file in the same state."""
    return all(getattr(listed, name) == getattr(node, name) for name in _STATE)


def is_worth_it(
    root: int, selection: Selection, leave_out: frozenset[tuple[int, int]], *, one_filesystem: bool
) -> bool:
    """Whether so many names lie below the open `root` that the process is worth its start, and a core is there for it.

    Looks at no more than it takes to know, and enters nothing that a walk would not enter.
    """
    names = names_below(root, selection, leave_out, one_filesystem=one_filesystem)
    return next(islice(names, MANY - 1, None), None) is not None and _has_room()


def _has_room() -> bool:
    from proofkeep.beside import cores  # noqa: PLC0415 - as above

    return cores() > 1
