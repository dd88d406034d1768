"""The one directory a demo works in: everything it makes lies there, nothing else is written.

Ours is recognised by a mark, so that a directory of somebody else's is never emptied.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from infra.demo.failure import DemoError
from proofkeep.removal import remove_below

MARK = ".proofkeep-demo"
LOCK = ".lock"

DIRECTORY_VARIABLE = "PROOFKEEP_DEMO_DIRECTORY"
DEFAULT_DIRECTORY = Path(__file__).parents[2] / ".demo"


@dataclass(frozen=True)
class Ground:
    """Where things lie; `directory` is absolute."""

    directory: Path

    @property
    def logs(self) -> Path:
        """What servers and flows said."""
        return self.directory / "logs"

    @property
    def ca(self) -> Path:
        """The local CA's certificate and the server's key."""
        return self.directory / "ca"

    @property
    def prefect(self) -> Path:
        """PREFECT_HOME: database and results."""
        return self.directory / "prefect"

    @property
    def state(self) -> Path:
        """The engine's state directory."""
        return self.directory / "state"

    @property
    def source(self) -> Path:
        """The generated tree."""
        return self.directory / "source"

    @property
    def restored(self) -> Path:
        """What the flow `restore` made of it."""
        return self.directory / "restored"

    @property
    def evidence(self) -> Path:
        """Where the drill leaves its evidence."""
        return self.directory / "evidence"

    @property
    def scratch(self) -> Path:
        """Temporary files of the servers; the endpoint's objects among them."""
        return self.directory / "scratch"

    @property
    def pid_file(self) -> Path:
        """Holds the supervisor's process id."""
        return self.directory / "supervisor.pid"

    @property
    def outcome(self) -> Path:
        """What `make ui` needs to know of the latest run."""
        return self.directory / "outcome.json"

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep other demos off; makes the directory if it is missing.

        Raises:
            DemoError: another demo runs here, or the directory holds something else.
        """
        self._claim()
        descriptor = os.open(self.directory / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise DemoError(f"another demo is at work in {self.directory}") from None
            yield
        finally:
            os.close(descriptor)

    def _claim(self) -> None:
        mark = self.directory / MARK
        try:
            self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not mark.exists() and any(self.directory.iterdir()):
                raise DemoError(f"{self.directory} holds something that no demo made; name another directory")
            mark.touch()
        except OSError as error:
            raise DemoError(f"{self.directory} cannot be used: {error.strerror}") from None

    def clear(self, *, keep: tuple[Path, ...] = ()) -> None:
        """Remove what an earlier demo left, but for `keep`."""
        stay = {self.directory / MARK, self.directory / LOCK, *keep}
        for path in self.directory.iterdir():
            if path not in stay:
                remove(path)

    def lay_out(self) -> None:
        """Make the folders that have to exist before servers and flows begin."""
        for path in (self.logs, self.ca, self.prefect, self.state, self.evidence, self.scratch):
            path.mkdir(mode=0o700)


def remove(path: Path) -> None:
    """Remove a file, a link, or a tree with whatever rights its directories have."""
    if path.is_symlink() or not path.is_dir():
        path.unlink(missing_ok=True)
        return
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        remove_below(descriptor)
    finally:
        os.close(descriptor)
    path.rmdir()


def chosen_ground() -> Ground:
    """`.demo` of this checkout, or what the environment says."""
    return Ground(Path(os.environ.get(DIRECTORY_VARIABLE) or DEFAULT_DIRECTORY).absolute())
