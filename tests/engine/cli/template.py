"""A process that has loaded the command line, and forks for each command that a test runs.

Every command is a process of its own all the same, with arguments, environment, folder and standard streams of its own;
it is spared the half second in which a new interpreter loads modules. Interruptions, terminals, broken streams and what
a command loads are tested on the console script itself.
"""

import atexit
import functools
import gc
import json
import os
import pkgutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path

import proofkeep
from infra.servers.process import clean_environment, signal_group
from proofkeep.cli import main
from tests.architecture.tree import ROOT

SCRIPT = Path(sys.executable).parent / "proofkeep"

_LOADED_LATE = ("ctypes", "email.utils", "pyfastcdc", "structlog")
_MOST_BYTES = 1 << 17
_STREAMS = 3
_MOST_DESCRIPTORS = 256
_DEADLINE_SECONDS = 120


class Template:
    """Our end of it. Runs one command at a time."""

    def __init__(self) -> None:
        self._channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._channel.settimeout(_DEADLINE_SECONDS)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", __name__, str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                cwd=ROOT,
                env=clean_environment(),
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )

    def run(
        self, arguments: Sequence[str | bytes | Path], folder: Path, environment: Mapping[str, str]
    ) -> tuple[int, bytes, bytes]:
        """Exit code, standard output and standard error of a command. Raises `TimeoutError`."""
        asked = json.dumps([[os.fsdecode(each) for each in arguments], str(folder), dict(environment)])
        with Path(os.devnull).open() as nothing, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as error:
            socket.send_fds(self._channel, [asked.encode()], [each.fileno() for each in (nothing, out, error)])
            code = int(self._channel.recv(_MOST_BYTES))
            out.seek(0)
            error.seek(0)
            return code, out.read(), error.read()

    def end(self) -> None:
        """End it, and the command that it runs."""
        self._channel.close()
        signal_group(self._process.pid, signal.SIGKILL)
        self._process.wait()


@functools.cache
def _template() -> Template:
    template = Template()
    atexit.register(template.end)
    return template


def run(
    arguments: Sequence[str | bytes | Path], folder: Path, environment: Mapping[str, str]
) -> tuple[int, bytes, bytes]:
    """Run `proofkeep` to its end: its exit code, standard output and standard error. Raises `TimeoutError`."""
    template = _template()
    try:
        return template.run(arguments, folder, environment)
    except BaseException:  # whatever it was, the next command must not be told how this one ended
        _template.cache_clear()
        template.end()
        raise


def _load() -> None:
    """Everything that a command may load."""
    for module in pkgutil.walk_packages(proofkeep.__path__, "proofkeep."):
        import_module(module.name)
    for name in _LOADED_LATE:
        import_module(name)
    gc.collect()
    gc.freeze()


def _wait_for_a_command(channel: socket.socket) -> None:
    """Return in the process of a command, once for each; end with the tests."""
    while True:
        asked, streams, _, _ = socket.recv_fds(channel, _MOST_BYTES, _STREAMS)
        if not asked:
            sys.exit()
        child = os.fork()
        if child == 0:
            break
        for each in streams:
            os.close(each)
        _, status = os.waitpid(child, 0)
        channel.send(str(os.waitstatus_to_exitcode(status)).encode())
    arguments, folder, environment = json.loads(asked)
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
    channel.detach()
    os.closerange(_STREAMS, _MOST_DESCRIPTORS)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = [str(SCRIPT), *arguments]
    sys.path[0] = str(SCRIPT.parent)


if __name__ == "__main__":
    _load()
    _wait_for_a_command(socket.socket(fileno=int(sys.argv[1])))
    sys.exit(main())
