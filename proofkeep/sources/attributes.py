"""Extended attributes of one node, POSIX ACLs and file capabilities among them."""

import errno
import os

Attributes = tuple[tuple[bytes, bytes], ...]

# A manifest row lies in one frame, of 8 MiB at most, and the walk holds many nodes at once.
MOST_BYTES = 1 << 20


def read_attributes(place: bytes | int) -> Attributes:
    """Names and values, sorted by name; `place` is an open descriptor or a path whose last component is not followed.

    An attribute removed between listing and reading is left out; a filesystem without attributes has none.

    Raises:
        OSError: the attributes cannot be listed, one of them cannot be read, or they are more than a manifest takes.
    """
    follow = isinstance(place, int)
    try:
        names = os.listxattr(place, follow_symlinks=follow)
    except OSError as error:
        if error.errno == errno.ENOTSUP:
            return ()
        raise
    if not names:
        return ()
    found = []
    size = 0
    for name in names:
        try:
            found.append((os.fsencode(name), os.getxattr(place, name, follow_symlinks=follow)))
        except OSError as error:
            if error.errno != errno.ENODATA:
                raise
            continue
        size += sum(map(len, found[-1]))
        if size > MOST_BYTES:
            raise OSError(errno.E2BIG, os.strerror(errno.E2BIG))
    return tuple(sorted(found))


def place_below(directory: int) -> bytes:
    """A prefix that, with one name behind it, reaches below the open `directory` (there is no listxattrat)."""
    return b"/proc/self/fd/%d/" % directory
