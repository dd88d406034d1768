"""What kind of filesystem a directory lies on, and what room it has; asks the kernel, believes no name."""

import ctypes
import os
from pathlib import Path

TMPFS_MAGIC = 0x01021994
_STATFS_SIZE = 256
_SLACK = 1 << 20
_PAGE = 4096

_libc = ctypes.CDLL(None, use_errno=True)


def is_tmpfs(directory: Path) -> bool:
    """Whether statfs says that the directory lies on a tmpfs; false where it cannot be asked."""
    answer = ctypes.create_string_buffer(_STATFS_SIZE)
    if _libc.statfs(os.fsencode(directory), answer) != 0:
        return False
    # f_type is the first member, of the machine's word size.
    return ctypes.c_long.from_buffer(answer).value & 0xFFFFFFFF == TMPFS_MAGIC


def has_room(directory: Path, needed: int, files: int, *, in_memory: bool) -> bool:
    """Whether `needed` bytes in `files` files fit, in memory into half of what is available."""
    status = os.statvfs(directory)
    wanted = needed + files * _PAGE + _SLACK
    if status.f_bavail * status.f_frsize < wanted:
        return False
    return not in_memory or wanted <= available_memory() // 2


def available_memory(file: Path = Path("/proc/meminfo")) -> int:
    """Bytes that can be had without swapping; 0 where the kernel does not say."""
    for line in file.read_text("ascii").splitlines():
        name, _, value = line.partition(":")
        if name == "MemAvailable":
            return int(value.split()[0]) * 1024
    return 0


def swaps(file: Path = Path("/proc/swaps")) -> bool:
    """Whether this host swaps, so that pages of a tmpfs may reach a disk; true where it cannot be asked."""
    try:
        return len(file.read_text("ascii").splitlines()) > 1
    except OSError:
        return True
