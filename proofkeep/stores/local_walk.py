"""Listing a local store's tree in bytewise order of names, one folder in memory at a time."""

import os
from collections.abc import Iterator
from pathlib import Path

from proofkeep.stores.names import is_component


def walk(root: Path, prefix: str, after: str) -> Iterator[tuple[str, os.stat_result]]:
    """Names and lstat of all objects below `root` that start with `prefix` and sort after `after`.

    Symlinks, special files and names that no object may have are passed over, as are objects that vanish
    meanwhile. Folders without a name that is wanted are not read.
    """
    return _walk(f"{root}/", "", prefix, after)


def _walk(folder: str, base: str, prefix: str, after: str) -> Iterator[tuple[str, os.stat_result]]:
    for component in _sorted_components(folder):
        name = base + component
        if component.endswith("/"):
            if _may_hold(name, prefix, after):
                yield from _walk(folder + component, name, prefix, after)
        elif name.startswith(prefix) and name > after:
            try:
                yield name, os.lstat(folder + component)
            except FileNotFoundError:
                continue


def _sorted_components(folder: str) -> list[str]:
    """A folder sorts as its name with a slash does: `a-b` and `a.b` come before what is in `a/`."""
    components = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if not is_component(entry.name):
                    continue
                if entry.is_dir(follow_symlinks=False):
                    components.append(entry.name + "/")
                elif entry.is_file(follow_symlinks=False):
                    components.append(entry.name)
    except (FileNotFoundError, NotADirectoryError):
        return []
    return sorted(components)


def _may_hold(folder: str, prefix: str, after: str) -> bool:
    """Whether an object whose name starts with `folder` can start with `prefix` and sort after `after`."""
    wanted = folder.startswith(prefix) or prefix.startswith(folder)
    return wanted and (folder > after or after.startswith(folder))
