"""Translate what the operating system says of a restore target, without the names it says it of."""

import errno
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

from proofkeep.errors import RestoreError, TargetError, TargetFullError, UnsafePathError

FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
NO_DIRECTORY = frozenset({errno.ELOOP, errno.ENOTDIR})


class _ForEntry:
    """A class, since it is entered several times for each file: a generator takes ten times as long."""

    __slots__ = ()

    def __enter__(self) -> None:
        pass

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if not isinstance(error, OSError):
            return
        if error.errno in NO_DIRECTORY:
            raise UnsafePathError("an entry lies below something that is no directory") from None
        if error.errno == errno.EEXIST:
            raise UnsafePathError("an entry's path is taken already") from None
        raise _said(error, "an entry cannot be written") from None


_FOR_ENTRY = _ForEntry()


def for_entry() -> AbstractContextManager[None]:
    """An OSError in the block is about one entry."""
    return _FOR_ENTRY


@contextmanager
def for_target(what: str) -> Iterator[None]:
    """An OSError in the block is about the target as a whole; `what` says which part of it."""
    try:
        yield
    except OSError as error:
        raise _said(error, what) from None


def _said(error: OSError, what: str) -> RestoreError:
    if error.errno in FULL:
        return TargetFullError("the restore target is full")
    return TargetError(f"{what}: {os.strerror(error.errno or 0).lower()}")
