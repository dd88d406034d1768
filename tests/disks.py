"""Real disks with little room: a tmpfs mounted for a test, which fails where none can be mounted."""

import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

BALLAST = "of-somebody-else"
_BLOCK = 4096


@contextmanager
def small_disk(place: Path, size: str) -> Iterator[Path]:
    """Mount a disk of `size` (as mount spells it) on the new directory `place`, until the block ends."""
    place.mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "none", place], check=True)
    try:
        yield place
    finally:
        # Lazily: a test that failed may have left a file open there.
        subprocess.run(["umount", "--lazy", place], check=True)


def enlarge(place: Path, size: str) -> None:
    """Give a mounted disk more room; what lies on it stays."""
    subprocess.run(["mount", "-o", f"remount,size={size}", place], check=True)


def fill(place: Path) -> None:
    """Take all the room that is left there, with a file `BALLAST`."""
    with suppress(OSError), (place / BALLAST).open("ab", buffering=0) as file:
        while file.write(bytes(_BLOCK)):
            pass


@contextmanager
def temporary_files_on(place: Path) -> Iterator[None]:
    """Let SQLite put the temporary files of this process there; from the environment it takes the place only once."""
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute(f"PRAGMA temp_store_directory='{place}'")
        try:
            yield
        finally:
            connection.execute("PRAGMA temp_store_directory=''")
