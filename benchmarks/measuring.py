"""One measured process: what it took, or that it failed."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from benchmarks.peers.contender import Command
from infra.servers.process import signal_group

_LAUNCHER = Path(__file__).with_name("launcher.py")
_LOG_TAIL = 2000
_BLOCK = 1 << 20


class CommandError(Exception):
    """A command of a contender ended with another status than 0; the message ends with its log."""


@dataclass(frozen=True)
class Measured:
    """Seconds by the clock, seconds of processor time of all descendants, bytes resident at the peak."""

    wall: float
    cpu: float
    rss: int


def measure(command: Command, log: Path, *, to_disk: bool = False) -> Measured:
    """Run it under the launcher, `to_disk`: until the disk has what it wrote. Raises `CommandError`."""
    report = log.with_suffix(".json")
    until = "disk" if to_disk else "exit"
    _call([sys.executable, "-I", "-S", _LAUNCHER, report, until, *command.arguments], command, log)
    measured = json.loads(report.read_text())
    if measured.pop("status"):
        raise CommandError(f"{log.stem} failed\n{log.read_text(errors='replace')[-_LOG_TAIL:]}")
    if command.own_clock is not None:
        measured.update(json.loads(command.own_clock.read_text()))
    return Measured(**measured)


def run(command: Command, log: Path) -> None:
    """Run it unmeasured. Raises `CommandError`."""
    _call(command.arguments, command, log)


def _call(arguments: list[str | Path], command: Command, log: Path) -> None:
    with log.open("ab") as file:
        child = subprocess.Popen(
            arguments,
            env=command.surroundings(),
            cwd=command.folder,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            start_new_session=True,
        )
    try:
        status = child.wait()
    finally:
        signal_group(child.pid, signal.SIGKILL)  # whatever it left behind, and all of it when we are interrupted
        child.wait()
    if status:
        raise CommandError(f"{log.stem} failed\n{log.read_text(errors='replace')[-_LOG_TAIL:]}")


def settle(*read: Path) -> None:
    """The same start for everyone: nothing waits to be written, and what is about to be read was read just now."""
    os.sync()
    buffer = bytearray(_BLOCK)
    for root in read:
        for folder, _, names in os.walk(root):
            for name in names:
                descriptor = os.open(f"{folder}/{name}", os.O_RDONLY | os.O_NOFOLLOW)
                while os.readv(descriptor, [buffer]) == _BLOCK:
                    pass
                os.close(descriptor)
