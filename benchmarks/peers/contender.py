"""What the harness asks of everyone who takes part."""

import os
import shutil
import stat
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from benchmarks.data.sets import DataSet
from benchmarks.peers.surroundings import Surroundings
from infra.servers.process import clean_environment

TOOLS = Path(".benchmark/tools").absolute()  # where infra/bench_packages.sh puts the peers
ASIDE = "aside"
RESTORE, UNSYNCED = "restore", "restore-unsynced"
CRC = "verify-crc"  # `verify-all`, beside a program that can read everything and prove less
# In the order of a round.
STEPS = ("first", "unchanged", RESTORE, UNSYNCED, "restore-one", "verify", "verify-all", CRC, "changed")
PASSPHRASE = "correct horse battery staple"  # noqa: S105 - of repositories that hold made-up data


@dataclass(frozen=True)
class Command:
    """One measured process.

    Attributes:
        environment: on top of the harness's own, without foreign settings.
        own_clock: a file in which the command itself wrote `wall` and `cpu`, where its preparation must not count.
    """

    arguments: list[str | Path]
    environment: Mapping[str, str] = field(default_factory=dict)
    folder: Path | None = None
    own_clock: Path | None = None

    def surroundings(self) -> dict[str, str]:
        """The process's whole environment."""
        return clean_environment(self.environment)


class Contender(ABC):
    """One program with one repository of its own, for one round over one data set.

    Attributes:
        name: in tables and on the command line.
        settings: what a reader must know to repeat it.
        steps: what it takes part in.
    """

    name: ClassVar[str]
    settings: ClassVar[str]
    steps: ClassVar[tuple[str, ...]] = tuple(step for step in STEPS if step != CRC)

    def __init__(self, folder: Path, data: DataSet, surroundings: Surroundings) -> None:
        self.folder = folder
        self.data = data
        self.surroundings = surroundings
        self.repository = folder / "repository"
        self.target = folder / "restored"

    @classmethod
    @abstractmethod
    def version(cls) -> str:
        """Of the program that runs. Raises `OSError` or `subprocess.CalledProcessError` where it is not installed."""

    @abstractmethod
    def prepare(self) -> list[Command]:
        """Commands that make an empty repository; not measured."""

    @abstractmethod
    def command(self, step: str) -> Command:
        """The command for one of its steps."""

    def command_of(self, step: str) -> Command:
        """The command for one step of a round; who waits for no disk has one for both kinds of whole restore."""
        return self.command(RESTORE if step == UNSYNCED else step)

    def before(self, step: str) -> None:
        """Clear the way for a step; not measured."""
        self._set_aside()
        if step.startswith("restore"):
            self.target.mkdir()

    def inputs(self) -> list[Path]:
        """Folders that restore and verify read."""
        return [self.repository]

    def stored(self) -> int | None:
        """Bytes of all files of the repository."""
        return size_below(self.repository)

    def restored(self) -> Path:
        """Where the source's files are after a restore."""
        return self.target

    def remove(self) -> None:
        """Remove everything it wrote, but for restored trees, which are moved to the folder beside it."""
        self._set_aside()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _set_aside(self) -> None:
        """A removal would slow the next restore down: ext4 passes freed inodes over, one by one, for minutes."""
        if self.target.exists():
            aside = self.folder.parent / ASIDE
            aside.mkdir(exist_ok=True)
            empty_files(self.target)
            self.target.rename(aside / f"{self.folder.name}-{time.time_ns()}")


def empty_files(root: Path) -> None:
    """Give the room of all files below `root` back, and keep the files."""
    for folder, _, names in os.walk(root):
        for name in names:
            file = os.path.join(folder, name)  # noqa: PTH118 - a hundred thousand files
            if stat.S_ISREG(os.lstat(file).st_mode):
                os.truncate(file, 0)


def size_below(root: Path) -> int:
    """Sum of the sizes of all files below `root`."""
    return sum(
        os.lstat(os.path.join(folder, name)).st_size  # noqa: PTH118 - a hundred thousand files
        for folder, _, names in os.walk(root)
        for name in names
    )
