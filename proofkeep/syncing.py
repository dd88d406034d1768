"""System calls that bring files to disk and for which `os` has no name."""

import ctypes

_libc = ctypes.CDLL(None, use_errno=True)
_SYNC_FILE_RANGE_WRITE = 2


def syncfs(descriptor: int) -> None:
    """Bring the whole filesystem of an open file to disk. Raises `OSError`."""
    if _libc.syncfs(descriptor) != 0:
        raise OSError(ctypes.get_errno(), "syncfs")


def begin_writeback(descriptor: int) -> None:
    """Let the disk begin with what was written to a file, so that its fsync has little left; promises nothing."""
    _libc.sync_file_range(descriptor, ctypes.c_int64(0), ctypes.c_int64(0), _SYNC_FILE_RANGE_WRITE)
