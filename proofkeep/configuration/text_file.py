"""A file that says what this host trusts: bounded, UTF-8, and not everybody's to write."""

import os
import stat
from pathlib import Path

from proofkeep.errors import PolicyError, UsageError

SIZE_LIMIT = 1 << 20


def read_text_file(path: Path, subject: str, error: type[UsageError]) -> str:
    """The whole text.

    Args:
        subject: begins each error's message; the path follows.
        error: raised when the file cannot be read, is larger than 1 MiB or is not UTF-8.

    Raises:
        UsageError: of the kind given.
        PolicyError: everybody may write it.
    """
    try:
        with path.open("rb") as stream:
            writable = os.fstat(stream.fileno()).st_mode & stat.S_IWOTH
            content = stream.read(SIZE_LIMIT + 1)
    except OSError as met:
        reason = (met.strerror or type(met).__name__).lower()
        raise error(f"{subject} {path} cannot be read: {reason}") from None
    if writable:
        raise PolicyError(f"{subject} {path} can be written by everybody, who could name another store, key or source")
    if len(content) > SIZE_LIMIT:
        raise error(f"{subject} {path} is larger than {SIZE_LIMIT} bytes")
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise error(f"{subject} {path} is not utf-8") from None
