"""Errors of the operating system in the words of the error tree: the object, and the store's place as configured."""

import contextlib
import errno
from collections.abc import Iterator

from proofkeep.errors import StoreDeniedError, StoreError, StoreFullError, StoreUnavailableError

FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
DENIED = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})
MISSING = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP})


def translated(error: OSError, subject: str, place: str) -> StoreError:
    """The error that tells what happened to `subject`; `place` is where the store lies, in words."""
    number = error.errno or 0
    told = f"{subject}: {place} answers {errno.errorcode.get(number, 'an unknown error')}"
    if number in FULL:
        return StoreFullError(told)
    if number in DENIED:
        return StoreDeniedError(told)
    return StoreUnavailableError(told)


@contextlib.contextmanager
def translating(subject: str, place: str) -> Iterator[None]:
    """Raise every `OSError` of the block translated."""
    try:
        yield
    except OSError as error:
        raise translated(error, subject, place) from None
