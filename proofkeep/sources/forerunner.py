"""A process that walks a source ahead of its backup and reads the small files, of which every one will be needed.

One interpreter runs one thread's Python at a time: of a small file's way into a pack, more than half is looking at it.
"""

import os
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from itertools import chain, islice
from pathlib import Path

import msgspec

from proofkeep.errors import SourceProcessGoneError
from proofkeep.model import Node

SMALL = 32 << 10
MOST_NODES = 256
PART = 1 << 20
PARTS = 10
_KEPT = 6  # how far behind the walk content is still asked for; the rest is what the process is ahead
MANY = 4096


class Order(msgspec.Struct, array_like=True, frozen=True):
    """What is to be walked: the arguments of `DirectorySource`, its root as an inherited descriptor."""

    include: tuple[str, ...]
    exclude: tuple[str, ...]
    exclude_roots: tuple[bytes, ...]
    one_filesystem: bool
    xattrs: bool


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


encode = msgspec.msgpack.Encoder().encode
decode = msgspec.msgpack.Decoder(Step | End).decode


class Forerunner:
    """What the process found, in order. For one thread, but for `give`, which several may call.

    Attributes:
        counts: as of the step that the nodes taken last came in.
    """

    def __init__(self, root: int, order: Order) -> None:
        """Start it below the open directory `root`."""
        from proofkeep.beside import Beside  # noqa: PLC0415 - most walks start without it

        self.counts = 0, 0, 0
        self._beside = Beside("proofkeep.source_worker", PARTS * PART, [root])
        self._memory = memoryview(self._beside.memory)
        self._beside.connection.send_bytes(encode(order))
        self._contents: dict[bytes, memoryview] = {}
        self._steps: deque[list[bytes]] = deque()
        self._lock = threading.Lock()

    def nodes(self) -> Iterator[Node]:
        """As `Walk.nodes`; the process ends with it. Raises `SourceProcessGoneError`."""
        part = 0
        try:
            while isinstance(step := self._next(), Step):
                self._keep(step, part)
                part = (part + 1) % PARTS
                yield from step.nodes
            with self._lock:
                self._contents = {path: memoryview(bytes(content)) for path, content in self._contents.items()}
        except BaseException:
            with self._lock:
                self._contents = {}
            raise
        finally:
            self._memory.release()
            self._beside.end()

    def give(self, node: Node, buffer: memoryview) -> bool:
        """Fill `buffer` with a file's content if it was read and is still there; each is given once."""
        with self._lock:
            content = self._contents.pop(node.path, None)
            if content is None or len(content) != len(buffer):
                return False
            buffer[:] = content
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
            node.path: self._memory[base + place : base + place + node.size]
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


def is_worth_it(root: Path) -> bool:
    """Whether there are so many names below `root` that the process is worth its start, and a core for it."""
    names = chain.from_iterable(folders + files for _, folders, files in os.walk(os.fsencode(root)))
    if next(islice(names, MANY - 1, None), None) is None:
        return False
    from proofkeep.beside import cores  # noqa: PLC0415 - as above

    return cores() > 1
