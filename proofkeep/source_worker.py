"""The process before a backup: `python -m proofkeep.source_worker SOCKET MEMORY ROOT`, all inherited.

It walks what lies below the directory, and reads small files into the memory; see `proofkeep.sources.forerunner`.
"""

import os
import sys
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import NoReturn

import msgspec

from proofkeep.allocator import look_for_cycles_seldom
from proofkeep.beside import joined
from proofkeep.model import Kind, Node
from proofkeep.sources.counting import Order, encode
from proofkeep.sources.directory import PROC, DirectorySource
from proofkeep.sources.forerunner import MOST_NODES, PART, PARTS, SMALL, End, Step


def main(socket: int, memory: int, root: int) -> None:
    """Walk to the end, or until nobody listens."""
    connection, shared = joined(socket, memory)
    look_for_cycles_seldom()
    try:
        order = msgspec.msgpack.decode(connection.recv_bytes(), type=Order)
        source = DirectorySource(
            PROC / str(root),
            label="",
            include=order.include,
            exclude=order.exclude,
            exclude_roots=[Path(os.fsdecode(path)) for path in order.exclude_roots],
            one_filesystem=order.one_filesystem,
            xattrs=order.xattrs,
            opening=True,
        )
        _tell(source, connection, shared)
    except (EOFError, OSError):
        return


def _tell(source: DirectorySource, connection: Connection, shared: memoryview) -> NoReturn:
    for number, step in enumerate(_steps(source, shared), start=1):
        connection.send_bytes(encode(step))
        if number >= PARTS:
            connection.recv_bytes()  # the oldest part is free again
    connection.send_bytes(encode(End(source.counts)))
    while True:  # until it hangs up: what is left unread here would take the end away from it
        connection.recv_bytes()


def _steps(source: DirectorySource, shared: memoryview) -> Iterator[Step]:
    """Each in a part of the memory of its own."""
    part = 0
    nodes: list[Node] = []
    places: list[int] = []
    end = described = 0
    for node in source.walk():
        wanted = node.kind is Kind.FILE and node.size <= SMALL and not node.unread and node.hardlink is None
        if len(nodes) == MOST_NODES or described > PART or (wanted and end + node.size > PART):
            yield Step(nodes, places, source.counts)
            part = (part + 1) % PARTS
            nodes, places, end, described = [], [], 0, 0
        base = part * PART + end
        nodes.append(node)
        described += node.described
        if wanted and source.read_whole(node, shared[base : base + node.size]):
            places.append(end)
            end += node.size
        else:
            places.append(-1)
    yield Step(nodes, places, source.counts)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
