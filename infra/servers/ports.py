"""Ports of 127.0.0.1 for servers, so chosen that nobody takes one between the choice and the server's start.

They lie below where outgoing connections begin, and are claimed by a socket with an abstract name: like ports, such
names belong to the network namespace, and they end with the process that holds them.
"""

import random
import socket
from collections.abc import Iterable

LOOPBACK = "127.0.0.1"
BELOW_EPHEMERAL = range(10_000, 32_768)

_NAME = "\0proofkeep-port-{}"


def free_port() -> int:
    """A port that nothing listens on; this process has claimed it."""
    return next(port for port in shuffled(BELOW_EPHEMERAL) if claim(port))


def claim(port: int) -> bool:
    """Keep a port from everybody else who asks here, until this process ends; false if it is somebody's already."""
    name = socket.socket(socket.AF_UNIX)
    try:
        name.bind(_NAME.format(port))
    except OSError:
        name.close()
        return False
    if _is_listened_on(port):
        name.close()
        return False
    name.detach()  # the kernel closes it
    return True


def shuffled(ports: Iterable[int]) -> list[int]:
    """The same in an order that no other process has."""
    candidates = list(ports)
    random.SystemRandom().shuffle(candidates)
    return candidates


def _is_listened_on(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as servers do: past connections do not count
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return True
    return False
