"""What the lock of a run says of the process that holds it: that it reads no source and only sends what is sealed."""

import os
from contextlib import suppress
from pathlib import Path


def say_sending(folder: Path, entry: str) -> None:
    """Say in the lock, which this process holds, for which entry, hex, it only sends; empty where it may seal more."""
    with suppress(OSError):  # only words: a full disk ends nothing here
        (folder / "lock").write_text(f"{os.getpid()} {entry}\n" if entry else "", "ascii")


def sent_for(folder: Path) -> tuple[str, int]:
    """For which entry, hex, and which process last said so; empty where none did. Only a lock that is held counts."""
    try:
        process, entry = (folder / "lock").read_text("ascii").split()
        return entry, int(process)
    except (OSError, ValueError):
        return "", 0
