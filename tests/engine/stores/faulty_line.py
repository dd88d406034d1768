"""A line to a server that damages what comes back, or breaks before anything does."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from infra.servers.ports import LOOPBACK

AFTER_HANDSHAKE = 20_000
"""Bytes from the server; more than a handshake, less than the objects of these tests."""


@contextmanager
def damaging_line(port: int, position: int = AFTER_HANDSHAKE) -> Iterator[int]:
    """The port of a line to `port` that flips a bit of the byte at `position` of everything a connection answers."""
    with _serving(lambda client: _damage(client, port, position)) as line:
        yield line


@contextmanager
def dead_line() -> Iterator[int]:
    """A port where every connection is taken and closed at once."""
    with _serving(lambda client: client.close()) as line:
        yield line


@contextmanager
def _serving(serve: Callable[[socket.socket], None]) -> Iterator[int]:
    with socket.create_server((LOOPBACK, 0)) as listener:
        threading.Thread(target=_accept, args=(listener, serve), daemon=True).start()
        try:
            yield listener.getsockname()[1]
        finally:
            listener.shutdown(socket.SHUT_RDWR)  # wakes the thread that accepts


def _accept(listener: socket.socket, serve: Callable[[socket.socket], None]) -> None:
    while True:
        try:
            client, _ = listener.accept()
        except OSError:
            return
        threading.Thread(target=serve, args=(client,), daemon=True).start()


def _damage(client: socket.socket, port: int, position: int) -> None:
    with client, socket.create_connection((LOOPBACK, port)) as server:
        threading.Thread(target=_forward, args=(client, server), daemon=True).start()
        seen = 0
        while piece := _received(server):
            if seen <= position < seen + len(piece):
                piece[position - seen] ^= 1
            seen += len(piece)
            if not _sent(client, piece):
                return


def _forward(source: socket.socket, target: socket.socket) -> None:
    while piece := _received(source):
        if not _sent(target, piece):
            return


def _received(source: socket.socket) -> bytearray:
    try:
        return bytearray(source.recv(65_536))
    except OSError:
        return bytearray()


def _sent(target: socket.socket, piece: bytearray) -> bool:
    try:
        target.sendall(piece)
    except OSError:
        return False
    return True
