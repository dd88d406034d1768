"""Plant small trees of any bytes as names."""

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
