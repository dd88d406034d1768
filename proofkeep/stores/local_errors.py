"""Errors of the operating system in the words of the error tree. Messages name objects, never paths."""

import contextlib
import errno
from collections.abc import Iterator

from proofkeep.errors import StoreDeniedError, StoreError, StoreFullError, StoreUnavailableError

FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
DENIED = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})
MISSING = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP})


def translated(error: OSError, subject: str) -> StoreError:
    """The error that tells what happened to `subject`."""
    number = error.errno or 0
    told = f"{subject}: the directory answers {errno.errorcode.get(number, 'an unknown error')}"
    if number in FULL:
        return StoreFullError(told)
    if number in DENIED:
        return StoreDeniedError(told)
    return StoreUnavailableError(told)


@contextlib.contextmanager
def translating(subject: str) -> Iterator[None]:
    """Raise every `OSError` of the block translated."""
    try:
        yield
    except OSError as error:
        raise translated(error, subject) from None
