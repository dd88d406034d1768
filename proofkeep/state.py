"""A host's state directory: where its writer id, catalog, journals and spool lie (docs/decisions/0003).

<root>/history.sqlite                 attempts of all repositories; attempts/ holds a lock for each under way
<root>/attempted                      there was one: a history without any was lost
<root>/<repository>/writer            this host's writer id there, 32 hex digits
                   /catalog.sqlite    local memory, rebuildable
                   /heads.json        newest ledger heads seen; kept apart from the catalog, which may be lost
                   /ledger.lock       held while this writer's chain grows
                   /runs/<run>/       journal and spool of one run
"""

import errno
import fcntl
import os
import pwd
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from proofkeep.errors import JournalBusyError, StateError, StateFullError, StateOwnerError, UsageError

_WRITER = re.compile(rb"[0-9a-f]{32}")
_RUN = re.compile("[0-9a-f]{32}")
_LOCK_POLL_SECONDS = 0.02
_FULL = {errno.ENOSPC, errno.EDQUOT}


def run_id(spelled: str) -> bytes:
    """The 16 bytes of a run's id: 32 hex digits, or a UUID as Prefect shows it. Raises `UsageError`."""
    digits = spelled.replace("-", "").lower()
    if _RUN.fullmatch(digits) is None:  # it names a folder: a pattern in its place would be another run's
        raise UsageError("run id is not 32 hex digits")
    return bytes.fromhex(digits)


def require_owner(root: Path) -> None:
    """Refuse another user's state directory before anything is written: its owner could not use what is made there.

    Raises:
        StateOwnerError: it exists, and is not the effective user's.
    """
    try:
        owner = root.stat().st_uid
    except OSError:
        return  # there is none yet, or who opens it says why it cannot be had
    if owner != os.geteuid():
        raise StateOwnerError(f"state directory {root} belongs to user {user(owner)}, not to {user(os.geteuid())}")


def user(number: int) -> str:
    """Name and number of a user."""
    try:
        name = pwd.getpwuid(number).pw_name
    except KeyError:
        name = "unknown"
    return f"{name} (uid {number})"


class RepositoryState:
    """What this host keeps for one repository. Directories are 0700, files 0600. Raises as `require_owner`."""

    def __init__(self, root: Path, repository: bytes) -> None:
        require_owner(root)
        self.path = root / repository.hex()
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)

    @property
    def catalog_file(self) -> Path:
        """The catalog's database."""
        return self.path / "catalog.sqlite"

    @property
    def heads_file(self) -> Path:
        """Remembered ledger heads."""
        return self.path / "heads.json"

    @property
    def closing_file(self) -> Path:
        """Which record this writer owes a closing ledger entry for, if it was put."""
        return self.path / "closing.json"

    @property
    def index_number_file(self) -> Path:
        """The number that this writer's next index object may take."""
        return self.path / "index-number"

    @property
    def ledger_lock(self) -> Path:
        """Locked while this writer's ledger chain grows; names the process that does."""
        return self.path / "ledger.lock"

    @property
    def runs(self) -> Path:
        """Folder of the runs."""
        return self.path / "runs"

    def run(self, run: bytes) -> Path:
        """Folder of one run; not created here."""
        return self.runs / run.hex()

    def make_run(self, run: bytes) -> Path:
        """The same, made if it is missing."""
        folder = self.run(run)
        with telling():
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return folder

    def writer(self) -> bytes:
        """This host's writer id, 16 bytes, made at first use."""
        file = self.path / "writer"
        with telling():
            if not file.exists():
                write_new(file, os.urandom(16).hex().encode())
            text = file.read_bytes().strip()
        if _WRITER.fullmatch(text) is None:
            raise malformed(file)
        return bytes.fromhex(text.decode())


def malformed(file: Path) -> StateError:
    """The error for a small file that does not say what it should."""
    return StateError(f"file {file.name} of the state directory is malformed")


@contextmanager
def telling() -> Iterator[None]:
    """`StateError` for whatever the state directory's filesystem refuses, but a full disk."""
    try:
        yield
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        raise StateError(f"state directory cannot be used: {reason}") from None


@contextmanager
def locked(file: Path, *, patience: float = 0.0, meanwhile: Callable[[float], None] = lambda _: None) -> Iterator[int]:
    """Hold an exclusive lock that the kernel drops when the process ends; gives the file's descriptor.

    Args:
        patience: seconds for which a holder is waited for.
        meanwhile: told often for how many by now; what it raises ends the wait.

    Raises:
        JournalBusyError: another process holds it, or removed the file meanwhile.
        StateError: it cannot be opened.
    """
    with telling():
        descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        _lock(descriptor, file, patience, meanwhile)
        if not _is_still(descriptor, file):
            raise JournalBusyError(f"another process removed {file.parent.name}")
        yield descriptor
    finally:
        os.close(descriptor)


def _lock(descriptor: int, file: Path, patience: float, meanwhile: Callable[[float], None]) -> None:
    began = time.monotonic()
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            waited = time.monotonic() - began
            meanwhile(waited)
            if waited >= patience:
                raise JournalBusyError(f"another process works on {file.parent.name}") from None
            time.sleep(_LOCK_POLL_SECONDS)
        else:
            return


def _is_still(descriptor: int, file: Path) -> bool:
    """Whether the name still leads to the open file: a lock on a file without a name keeps nobody out."""
    try:
        return os.path.samestat(os.fstat(descriptor), file.stat())
    except FileNotFoundError:
        return False


def write_new(file: Path, data: bytes) -> None:
    """Write a small file durably and atomically; whoever comes second changes nothing."""
    temporary = file.with_name(f".{file.name}.{os.urandom(8).hex()}")
    write_durable(temporary, data)
    try:
        os.link(temporary, file)
    except FileExistsError:
        pass
    finally:
        temporary.unlink()
    sync_directory(file.parent)


def replace_file(file: Path, data: bytes) -> None:
    """Replace a small file durably: readers see the old or the new content. Raises `StateError`, `StateFullError`."""
    temporary = file.with_name(f".{file.name}.{os.urandom(8).hex()}")
    with telling():
        write_durable(temporary, data)
        temporary.replace(file)
        sync_directory(file.parent)


def write_durable(file: Path, data: bytes) -> None:
    """Create a file with mode 0600 and fsync it. Raises `StateFullError` when the disk is full."""
    try:
        with translating_full():
            descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            with os.fdopen(descriptor, "wb") as stream:
                stream.write(data)
                stream.flush()
                os.fsync(descriptor)
    except StateFullError:
        file.unlink(missing_ok=True)
        raise


@contextmanager
def translating_full() -> Iterator[None]:
    """`StateFullError` where the disk of the state directory is full; other errors pass."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise StateFullError("disk of the state directory is full") from None
        raise


def sync_directory(directory: Path) -> None:
    """Make names in a directory durable."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
