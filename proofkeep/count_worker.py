"""The process that counts a source: `python -m proofkeep.count_worker SOCKET MEMORY ROOT`, all inherited.

Gives way to everything else that wants the processor; see `proofkeep.sources.counting`.
"""

import os
import stat
import sys
from pathlib import Path

import msgspec

from proofkeep.beside import joined
from proofkeep.sources.counting import Order, encode, names_below
from proofkeep.sources.patterns import Selection

_LOWEST = 19
_LISTEN_EVERY = 4096


def main(socket: int, memory: int, root: int) -> None:
    """Count to the end, or until nobody listens."""
    connection, _ = joined(socket, memory)
    os.setpriority(os.PRIO_PROCESS, 0, _LOWEST)
    files = size = 0
    try:
        order = msgspec.msgpack.decode(connection.recv_bytes(), type=Order)
        selection = Selection(order.include, order.exclude)
        left_out = _identities(order.exclude_roots)
        names = names_below(root, selection, left_out, one_filesystem=order.one_filesystem)
        for number, (entry, wanted) in enumerate(names):
            if wanted and entry.is_file(follow_symlinks=False):
                files += 1
                size += _size(entry)
            if number % _LISTEN_EVERY == 0 and connection.poll():
                return
        connection.send_bytes(encode((files, size)))
        connection.recv_bytes()  # until it hangs up
    except (EOFError, OSError):
        return


def _identities(roots: tuple[bytes, ...]) -> frozenset[tuple[int, int]]:
    found = set()
    for root in roots:
        try:
            status = Path(os.fsdecode(root)).stat()
        except OSError:
            continue
        found.add((status.st_dev, status.st_ino))
    return frozenset(found)


def _size(entry: os.DirEntry[bytes]) -> int:
    try:
        status = entry.stat(follow_symlinks=False)
    except OSError:
        return 0
    return status.st_size if stat.S_ISREG(status.st_mode) else 0


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
