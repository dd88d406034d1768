"""Files of a data set on disk: fixed times, written in parallel, summed up when all are there."""

import hashlib
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

MODIFIED_NS = 1_773_489_600_000_000_000  # 2026-03-14T12:00:00Z: what every file says
_BLOCK = 1 << 20


def write_file(path: Path | str, content: bytes, folder: int | None = None) -> None:
    """Create a file, with the time that all have; `folder` is the descriptor that a relative path begins at."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644, dir_fd=folder)
    try:
        os.write(descriptor, content) if len(content) < _BLOCK else _write_all(descriptor, content)
        os.utime(descriptor, ns=(MODIFIED_NS, MODIFIED_NS))
    finally:
        os.close(descriptor)


def _write_all(descriptor: int, content: bytes) -> None:
    with os.fdopen(descriptor, "wb", closefd=False) as file:
        file.write(content)


def in_parallel(work: Callable[..., None], jobs: list[tuple[object, ...]]) -> None:
    """Run `work(*job)` for each job, in as many processes as there are cores."""
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        for done in [pool.submit(work, *job) for job in jobs]:
            done.result()


def walk_files(root: Path) -> Iterator[tuple[str, int]]:
    """Path relative to `root` and size of every file, sorted within each folder, folders last."""
    pending = [""]
    while pending:
        below = pending.pop()
        with os.scandir(root / below) as found:
            entries = sorted(found, key=lambda entry: entry.name)
        for entry in entries:
            if not entry.is_dir(follow_symlinks=False):
                yield below + entry.name, entry.stat(follow_symlinks=False).st_size
        pending.extend(f"{below}{entry.name}/" for entry in reversed(entries) if entry.is_dir(follow_symlinks=False))


def digest(root: Path) -> str:
    """SHA-256 over paths, sizes and contents of the files below `root`."""
    total = hashlib.sha256()
    buffer = memoryview(bytearray(_BLOCK))
    for path, size in walk_files(root):
        total.update(f"{path}\0{size}\0".encode("utf-8", "surrogateescape"))
        with (root / path).open("rb", buffering=0) as file:
            while count := file.readinto(buffer):
                total.update(buffer[:count])
    return total.hexdigest()
