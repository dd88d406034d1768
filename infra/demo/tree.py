"""The tree that `make demo` backs up when no other is given: about 200 MB of everything a backup meets.

The same seed makes the same bytes, names, modes and instants. Contents are made up, and shaped like the real thing:
logs and records that compress, media that does not, a copy that deduplicates, a disk image full of holes.
"""

import os
import random
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

SEED = 20_260_101
MIB = 1 << 20
FIRST_INSTANT_NS = 1_767_225_600_123_456_789  # 2026-01-01, with nanoseconds that a restore has to bring back

HOSTS = ("mill-01", "mill-02", "press-07", "gate-03", "dock-11")
WORDS = (
    "spindle",
    "torque",
    "inspected",
    "batch",
    "drawing",
    "revision",
    "part",
    "operator",
    "station",
    "weight",
    "gauge",
)

ODD_NAMES = (
    b"with space and 'quotes'.txt",
    "\u00fcberpr\u00fcfung-\u56f3\u9762.txt".encode(),
    b"not-utf8-\xff\xfe.bin",
    b"line\nbreak.txt",
    b"-rf",
    b"n" * 255,
)


def generate(root: Path, *, size: int = 200 * MIB) -> None:
    """Make the tree below `root`, which must not exist.

    Args:
        size: bytes of content, roughly; holes not counted.
    """
    made_up = random.Random(SEED)  # noqa: S311 - the same tree each time is the point
    root.mkdir(mode=0o755)
    share = size // 200
    _logs(root / "logs", made_up, 60 * share)
    _records(root / "records", made_up, 40 * share)
    _documents(root / "documents", made_up, 12 * share)
    _media(root / "media", made_up, 66 * share)
    _copies(root / "archive", root / "logs")
    _image(root / "machine.img", made_up, 4 * share)
    _oddities(root / "oddities", made_up)
    _date(root)


def _logs(folder: Path, made_up: random.Random, size: int) -> None:
    folder.mkdir()
    for number in range(8):
        _write(folder / f"line-{number}.log", _log_lines(made_up, number), size // 8)


def _log_lines(made_up: random.Random, number: int) -> Iterator[str]:
    second = number * 86_400
    while True:
        second += made_up.getrandbits(2)
        host = HOSTS[made_up.getrandbits(8) % len(HOSTS)]
        word = WORDS[made_up.getrandbits(8) % len(WORDS)]
        day, instant = 1 + second // 86_400 % 28, second % 86_400
        yield f"2026-01-{day:02} {instant:05} {host} {word} id={made_up.getrandbits(40):x} ok\n"


def _records(folder: Path, made_up: random.Random, size: int) -> None:
    folder.mkdir()
    for number in range(5):
        _write(folder / f"parts-{number}.jsonl", _json_lines(made_up), size // 5)


def _json_lines(made_up: random.Random) -> Iterator[str]:
    part = 0
    while True:
        part += 1
        bits = made_up.getrandbits(48)
        yield (
            f'{{"part": {part}, "station": "{HOSTS[bits % len(HOSTS)]}", "weight_g": {bits % 90_000}, '
            f'"drawing": "{WORDS[bits % len(WORDS)]}-{bits >> 24:06x}", "grade": {bits & 15}}}\n'
        )


def _write(path: Path, lines: Iterator[str], size: int) -> None:
    written = 0
    with path.open("wb") as file:
        while written < size:
            written += file.write("".join(islice(lines, 4096)).encode())


def _documents(folder: Path, made_up: random.Random, size: int) -> None:
    """Small files, about 4 KiB each, forty to a folder."""
    folder.mkdir()
    vocabulary = [f"{first} {second}" for first in WORDS for second in WORDS]
    for number in range(max(size // 4096, 40)):
        place = folder / f"case-{number // 40:03}"
        place.mkdir(exist_ok=True)
        text = " ".join(made_up.choices(vocabulary, k=40 + made_up.getrandbits(9)))
        (place / f"note-{number:05}.txt").write_text(f"{number}\n{text}\n")


def _media(folder: Path, made_up: random.Random, size: int) -> None:
    folder.mkdir()
    for number in range(6):
        (folder / f"scan-{number}.bin").write_bytes(made_up.randbytes(size // 6))


def _copies(folder: Path, originals: Path) -> None:
    """Two files once more, which deduplication must find."""
    folder.mkdir()
    for original in sorted(originals.iterdir())[:2]:
        (folder / original.name).write_bytes(original.read_bytes())


def _image(path: Path, made_up: random.Random, size: int) -> None:
    """A sparse disk image: 256 MiB long, `size` bytes of data in four places."""
    with path.open("wb") as file:
        file.truncate(256 * MIB)
        for offset in (0, 31 * MIB, 100 * MIB, 251 * MIB):
            file.seek(offset)
            file.write(made_up.randbytes(size // 4))


def _oddities(folder: Path, made_up: random.Random) -> None:
    """Names, kinds and attributes that backups get wrong."""
    (folder / "empty-folder").mkdir(parents=True)
    (folder / "empty").touch()
    for name in ODD_NAMES:
        _below(folder, name).write_bytes(made_up.randbytes(100))
    (folder / "link").symlink_to("../logs/line-0.log")
    (folder / "dangling-link").symlink_to("/nowhere/at/all")
    (folder / "first-name").write_bytes(made_up.randbytes(70_000))
    (folder / "second-name").hardlink_to(folder / "first-name")
    os.mkfifo(folder / "pipe", 0o620)
    (folder / "read-only").write_text("do not change\n")
    (folder / "read-only").chmod(0o440)
    (folder / "program").write_text("#!/bin/sh\nexit 0\n")
    (folder / "program").chmod(0o755)
    (folder / "marked").write_text("CUI//SP-EXPT\n")
    if offers_xattrs(folder):
        os.setxattr(folder / "marked", "user.category", b"SP-EXPT\x00\xff")
        os.setxattr(folder / "empty-folder", "user.note", b"kept")


def _below(folder: Path, name: bytes) -> Path:
    return Path(os.fsdecode(os.path.join(os.fsencode(folder), name)))  # noqa: PTH118 - any bytes are a name


def offers_xattrs(folder: Path) -> bool:
    """Whether this filesystem keeps extended attributes for users."""
    try:
        os.setxattr(folder, "user.proofkeep", b"")
        os.removexattr(folder, "user.proofkeep")
    except OSError:
        return False
    return True


def _date(root: Path) -> None:
    """Give every node an instant of its own, contents before their folder."""
    instant = FIRST_INSTANT_NS
    for path in sorted(root.rglob("*"), reverse=True):
        instant += 1_000_000_007
        os.utime(path, ns=(instant, instant), follow_symlinks=False)
    os.utime(root, ns=(instant, instant))


GROWN, CORRECTED, NEW, GONE = "logs/line-3.log", "records/parts-2.jsonl", "documents/new-note.txt", "media/scan-5.bin"


def change(root: Path) -> tuple[str, int]:
    """Change a little of a generated tree, as a day at work would.

    Returns:
        What was done, in words, and the bytes of all files whose content it touched.
    """
    with (root / GROWN).open("ab") as log:
        log.write(b"one more line, written after the first backup\n")
    with (root / CORRECTED).open("r+b") as records:
        records.seek(records.seek(0, os.SEEK_END) // 2)
        records.write(b"corrected ")
    (root / NEW).write_text("written after the first backup\n")
    (root / GONE).unlink()
    (root / "archive").rename(root / "archive-2025")
    words = "a log grew, a record was corrected, a note came, a scan went, a folder got another name"
    return words, sum((root / name).stat().st_size for name in (GROWN, CORRECTED, NEW))
