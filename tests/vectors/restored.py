"""What lies in a directory after a restore, as the vector `repository` tells it."""

import hashlib
import os
import stat
from pathlib import Path
from typing import Any


def tree(target: Path) -> list[dict[str, Any]]:
    """Path, kind, mode, modification time and content of everything below `target`, in order of paths."""
    found = [(os.fsencode(path.relative_to(target)), path) for path in target.rglob("*")] + [(b"", target)]
    return [told(name, path) for name, path in sorted(found)]


def told(name: bytes, path: Path) -> dict[str, Any]:
    status = path.lstat()
    if stat.S_ISLNK(status.st_mode):
        return {"path": name, "kind": 2, "target": os.fsencode(path.readlink()), "mtime": status.st_mtime_ns}
    kind, mode = int(stat.S_ISDIR(status.st_mode)), stat.S_IMODE(status.st_mode)
    common = {"path": name, "kind": kind, "mode": mode, "mtime": status.st_mtime_ns}
    return common if kind else {**common, "sha256": hashlib.sha256(path.read_bytes()).digest()}
