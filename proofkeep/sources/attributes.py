"""Extended attributes of one node, POSIX ACLs and file capabilities among them."""

import errno
import os

Attributes = tuple[tuple[bytes, bytes], ...]


def read_attributes(place: bytes | int) -> Attributes:
    """Names and values, sorted by name; `place` is an open descriptor or a path whose last component is not followed.

    An attribute removed between listing and reading is left out; a filesystem without attributes has none.

    Raises:
        OSError: the attributes cannot be listed or one of them cannot be read.
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
    for name in names:
        try:
            found.append((os.fsencode(name), os.getxattr(place, name, follow_symlinks=follow)))
        except OSError as error:
            if error.errno != errno.ENODATA:
                raise
    return tuple(sorted(found))


def place_below(directory: int) -> bytes:
    """A prefix that, with one name behind it, reaches below the open `directory` (there is no listxattrat)."""
    return b"/proc/self/fd/%d/" % directory
