"""How this process treats memory: frames of a mebibyte and small objects come and go thousands of times a second."""

import functools
import gc

# glibc's <malloc.h>.
_TRIM_THRESHOLD = -1
_MMAP_THRESHOLD = -3
_ARENA_MAX = -8
_KEPT = 256 << 20
_ARENAS = 2
_YOUNG_OBJECTS = 50_000


def look_for_cycles_seldom() -> None:
    """We make no cycles; to look through all modules again and again is a tenth of the time it takes to load them."""
    gc.set_threshold(_YOUNG_OBJECTS, *gc.get_threshold()[1:])


@functools.cache
def expect_churn() -> None:
    """Use freed memory again instead of having the kernel clear new pages, and look for cycles seldom.

    The one saved a sixteenth of a backup's time, the other 4 % of a restore's. Threads share two arenas: each of eight
    a core kept what it had freed, 17 MiB of a backup in all. A C library that knows no such settings is left alone.
    """
    import ctypes  # noqa: PLC0415 - the command line starts without it

    look_for_cycles_seldom()
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_TRIM_THRESHOLD, _KEPT)
        mallopt(_MMAP_THRESHOLD, _KEPT)
        mallopt(_ARENA_MAX, _ARENAS)
