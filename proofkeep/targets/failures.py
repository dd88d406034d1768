"""Translate what the operating system says of a restore target, without the names it says it of."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager

from proofkeep.errors import RestoreError, TargetError, TargetFullError, UnsafePathError

FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
NO_DIRECTORY = frozenset({errno.ELOOP, errno.ENOTDIR})


@contextmanager
def for_entry() -> Iterator[None]:
    """An OSError in the block is about one entry."""
    try:
        yield
    except OSError as error:
        if error.errno in NO_DIRECTORY:
            raise UnsafePathError("an entry lies below something that is no directory") from None
        if error.errno == errno.EEXIST:
            raise UnsafePathError("an entry's path is taken already") from None
        raise _said(error, "an entry cannot be written") from None


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
