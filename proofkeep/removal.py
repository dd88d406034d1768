"""Remove what lies below a directory: by descriptors, following no link, to any depth."""

import os

from proofkeep.descent import Descent


def remove_below(root: int) -> None:
    """Empty the open directory `root`, directories that their owner may not enter or change included.

    Raises:
        OSError: something cannot be removed.
    """
    descent = Descent(os.dup(root))
    try:
        # For each directory on the way down, the subdirectories still to remove, the next one last.
        levels = [_remove_names(descent.current())]
        while levels:
            if levels[-1]:
                _enter(descent, levels[-1][-1])
                levels.append(_remove_names(descent.current()))
                continue
            levels.pop()
            if levels:
                descent.up()
                os.rmdir(levels[-1].pop(), dir_fd=descent.current())
    finally:
        descent.close()


def _enter(descent: Descent, name: bytes) -> None:
    try:
        descent.down(name)
    except PermissionError:
        allow_owner(descent.current(), name)
        descent.down(name)


def allow_owner(directory: int, name: bytes) -> None:
    """Give the owner every right on the directory `name`, by a descriptor that cannot be a link's."""
    place = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=directory)
    try:
        os.chmod(f"/proc/self/fd/{place}", 0o700)  # noqa: PTH101 - a descriptor, not a path
    finally:
        os.close(place)


def _remove_names(directory: int) -> list[bytes]:
    """Remove all but subdirectories from an open directory; the names of those."""
    os.fchmod(directory, 0o700)
    with os.scandir(directory) as entries:
        names = [(os.fsencode(entry.name), entry.is_dir(follow_symlinks=False)) for entry in entries]
    for name, is_directory in names:
        if not is_directory:
            os.unlink(name, dir_fd=directory)
    return [name for name, is_directory in names if is_directory]
