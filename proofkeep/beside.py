"""A process of ours beside this one: what it inherits, how both talk, and how it is ended."""

import functools
import mmap
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from multiprocessing.connection import Connection
from socket import socketpair

_PATIENCE = 4.0  # less than a stage waits for its threads
_KEPT = ("PATH", "LANG", "LC_", "LD_", "PYTHON", "TZ")


def cores() -> int:
    """How many processes can work at once for us; only this one where no memory can be shared."""
    return len(os.sched_getaffinity(0)) if _has_memory() else 1


@functools.cache
def _has_memory() -> bool:
    """Builds of Python for old C libraries lack the call; hosts with `vm.memfd_noexec=2` refuse it."""
    try:
        os.close(os.memfd_create("shared"))
    except (AttributeError, OSError):
        return False
    return True


class Beside:
    """`python -m MODULE SOCKET MEMORY DESCRIPTOR...`, all inherited. It gets no environment that could hold a secret.

    What is large lies in memory that both have mapped: through the socket it would be copied four times.
    """

    def __init__(self, module: str, memory: int, descriptors: Sequence[int]) -> None:
        """Start it, with so many bytes of shared memory; it imports while this process goes on.

        Raises:
            OSError: there may be no more processes, descriptors or memory, or none of this kind.
        """
        ours, theirs = socketpair()
        self.connection = Connection(ours.detach())
        with theirs, ExitStack() as failed:
            shared = open(os.memfd_create("shared"), "r+b", buffering=0)  # noqa: PTH123, SIM115 - `end` closes it
            self._shared = failed.enter_context(shared)
            shared.truncate(memory)
            self.memory = mmap.mmap(shared.fileno(), memory)
            passed = theirs.fileno(), shared.fileno(), *descriptors
            self.process = subprocess.Popen(
                [sys.executable, *_flags(), "-P", "-m", module, *map(str, passed)],
                env={name: value for name, value in os.environ.items() if name.startswith(_KEPT)},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=passed,
                process_group=0,  # a terminal's Ctrl-C is for who began it
            )
            failed.pop_all()

    def hand(self, data: bytes) -> None:
        """Put `data` at the memory's start as a file is written: other threads run meanwhile, no page is mapped here.

        Raises:
            OSError: there is no memory left.
        """
        rest = memoryview(data)
        while rest:
            rest = rest[os.pwrite(self._shared.fileno(), rest, len(data) - len(rest)) :]

    def end(self) -> None:
        """Let it end, or end it: afterwards it does nothing more."""
        self.connection.close()
        self._shared.close()
        with suppress(BufferError):  # somebody still looks at it: it goes when they do
            self.memory.close()
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(_PATIENCE)
        self.process.kill()
        self.process.wait()


def _flags() -> list[str]:
    """What this interpreter was told to ignore, the other one ignores too."""
    told = {"-I": sys.flags.isolated, "-E": sys.flags.ignore_environment, "-s": sys.flags.no_user_site}
    return [flag for flag, said in told.items() if said]


def joined(socket: int, memory: int) -> tuple[Connection, memoryview]:
    """In that process: the connection, and the shared memory."""
    for each in (signal.SIGINT, signal.SIGTERM):  # whoever began it hears them too, and closes the socket
        signal.signal(each, signal.SIG_IGN)
    shared = memoryview(mmap.mmap(memory, 0))
    os.close(memory)
    return Connection(socket), shared
