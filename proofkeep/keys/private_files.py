"""Files that only their owner may read, and how they come to be: create-only, mode 0600, fsynced.

A systemd credential is read by the service manager's rules instead: it belongs to root or to the service's user,
and its group bit is the mask of the access list that names that user. Knows nothing of what the bytes mean.
"""

import contextlib
import errno
import os
import secrets
import stat
from enum import Enum
from pathlib import Path

from proofkeep.errors import KeyAccessError, KeyMissingError, PolicyError, UsageError

SIZE_LIMIT = 65_536

_WRONG_PLACE = frozenset({errno.ENOENT, errno.ENOTDIR, errno.EACCES, errno.EPERM, errno.EROFS})
_CREDENTIALS_VARIABLE = "CREDENTIALS_DIRECTORY"


class Privacy(Enum):
    """Who may have which rights to a file: bits that must be clear, and whether root may own it for us."""

    PRIVATE = (0o077, False)
    CREDENTIAL = (0o037, True)
    PUBLIC = (0o022, True)

    def check(self, state: os.stat_result, uri: str) -> None:
        """Raise `PolicyError` that says how to mend what is wrong."""
        forbidden, root_may_own = self.value
        owners = {os.geteuid(), 0} if root_may_own else {os.geteuid()}
        if state.st_uid not in owners:
            raise PolicyError(f"{uri} belongs to user {state.st_uid}, must belong to user {os.geteuid()}")
        mode = stat.S_IMODE(state.st_mode)
        if mode & forbidden:
            raise PolicyError(f"{uri} has mode {mode:04o}, must have {mode & ~forbidden:04o} or less")


def credential_path(name: str, uri: str) -> Path:
    """Where systemd put the credential `name`. Raises `KeyMissingError` outside of such a unit."""
    directory = os.environ.get(_CREDENTIALS_VARIABLE)
    if not directory:
        raise KeyMissingError(f"{uri} needs a unit with LoadCredential=, {_CREDENTIALS_VARIABLE} is not set")
    if not name or name in {".", ".."} or "/" in name:
        raise UsageError(f"{uri} is not the name of a credential")
    return Path(directory) / name


def read_file(path: Path, uri: str, privacy: Privacy | None) -> tuple[bytes, os.stat_result]:
    """Read a whole regular file of at most 64 KiB, and its state as of then.

    Args:
        privacy: checked before a byte is read; None leaves it to the caller, who needs the content to know.

    Raises:
        KeyMissingError: there is no such file, or this user cannot read it.
        PolicyError: owner or mode let others read or write it.
        UsageError: no regular file, or larger than any key.
    """
    try:
        # Without O_NONBLOCK a FIFO of that name would hold the process for ever.
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
        with os.fdopen(descriptor, "rb") as file:
            state = os.fstat(descriptor)
            if not stat.S_ISREG(state.st_mode):
                raise UsageError(f"{uri} is not a regular file")
            if privacy is not None:
                privacy.check(state, uri)
            content = file.read(SIZE_LIMIT + 1)
    except OSError as error:
        raise KeyMissingError(f"{uri} cannot be read: {_reason(error)}") from None
    if len(content) > SIZE_LIMIT:
        raise UsageError(f"{uri} is larger than {SIZE_LIMIT} bytes, which no key is")
    return content, state


def create_file(path: Path, uri: str, content: bytes, *, mode: int = 0o600) -> None:
    """Create a file that appears with all its content or not at all; file and directory are fsynced.

    Raises:
        UsageError: the name is taken, and what is there stays as it is; or the directory is none to write to.
        KeyAccessError: the disk takes no file.
    """
    pending = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        _write(pending, content, mode)
        try:
            os.link(pending, path)
        finally:
            pending.unlink()
        _sync_directory(path.parent)
    except FileExistsError:
        raise UsageError(f"{uri} exists already and was left as it is") from None
    except OSError as error:
        kind = UsageError if error.errno in _WRONG_PLACE else KeyAccessError
        raise kind(f"{uri} cannot be created: {_reason(error)}") from None


def _write(path: Path, content: bytes, mode: int) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(descriptor, mode)
            file.write(content)
            file.flush()
            os.fsync(descriptor)
    except BaseException:
        with contextlib.suppress(OSError):
            path.unlink()
        raise


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _reason(error: OSError) -> str:
    return os.strerror(error.errno).lower() if error.errno else type(error).__name__
