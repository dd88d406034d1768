"""Plant small trees of any bytes as names, and deep ones."""

import os
from pathlib import Path


def below(root: Path, path: bytes) -> Path:
    """The place of the manifest path `path` under `root`."""
    return root / os.fsdecode(path)


def plant(root: Path, files: list[bytes]) -> dict[bytes, bool]:
    """Make the files, skipping those whose place is taken; every path made, and whether it is a directory."""
    for path in files:
        try:
            below(root, path).parent.mkdir(parents=True, exist_ok=True)
            below(root, path).touch(exist_ok=False)
        except OSError:
            continue
    return {os.fsencode(path.relative_to(root)): path.is_dir() for path in root.rglob("*")}


def plant_deep(root: Path, name: str, depth: int) -> None:
    """Make `depth` directories inside each other, each beside a file `z`; only `rm -rf` gets so deep again."""
    directory = os.open(root, os.O_DIRECTORY)
    for _ in range(depth):
        os.mkdir(name, mode=0o750, dir_fd=directory)
        file = os.open("z", os.O_CREAT | os.O_WRONLY, dir_fd=directory)
        os.write(file, b"z")
        os.close(file)
        below = os.open(name, os.O_DIRECTORY, dir_fd=directory)
        os.close(directory)
        directory = below
    os.close(directory)
