"""Random small trees in a directory, and random changes to them; `strategies` makes the models of the format."""

import os
from dataclasses import dataclass
from pathlib import Path

from hypothesis import strategies as st

from tests.building import content

NAMES = [b"a", b"b", b"ab", b"a.b", b"a b", b"\xff\xfe", b"\xc3\xa9", b"A", b".hidden", b"a\nb"]
"""Few, so that changes hit what is there; their bytewise order differs from that of their text."""
BLOCK = 4096
DAY = 86_400


@dataclass(frozen=True)
class Piece:
    """A run of a file's content: one of a few, so that files share some."""

    seed: int
    size: int

    def __bytes__(self) -> bytes:
        return bytes(self.size) if self.seed == 0 else content(self.seed, self.size)


@dataclass(frozen=True)
class Item:
    """One thing to plant.

    Attributes:
        kind: `file`, `sparse`, `directory`, `link`, `fifo`, `twin` (another name of a file), or `gone`.
        pieces: a file's content, or what lies between the holes of a sparse one.
        other: what a link says, or which file a twin is a name of.
    """

    path: tuple[bytes, ...]
    kind: str
    pieces: tuple[Piece, ...]
    other: int
    mode: int
    time: int


pieces = st.builds(Piece, st.integers(0, 5), st.sampled_from([1, 63, 64, 65, 300, 1023, 1024, 1025, 5000]))
items = st.builds(
    Item,
    st.lists(st.sampled_from(NAMES), min_size=1, max_size=3).map(tuple),
    st.sampled_from(["file", "file", "file", "sparse", "directory", "link", "fifo", "twin", "gone"]),
    st.lists(pieces, max_size=4).map(tuple),
    st.integers(0, 5),
    st.sampled_from([0o644, 0o600, 0o4755, 0o400, 0o777]),
    st.integers(-DAY, 2_000 * DAY),
)
trees = st.lists(items, max_size=10)


def plant(root: Path, tree: list[Item]) -> None:
    """Make what can be made, one after the other; what is in the way is replaced or left."""
    for item in tree:
        place = root / os.fsdecode(b"/".join(item.path))
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            _make(root, place, item)
        except OSError:
            continue
        if not place.is_symlink() and place.exists():
            place.chmod(item.mode | (0o700 if place.is_dir() else 0))
            os.utime(place, ns=(0, item.time * 10**9 + 123_456_789))


def _make(root: Path, place: Path, item: Item) -> None:
    if item.kind == "directory":
        place.mkdir(exist_ok=True)
        return
    if place.is_dir() and not place.is_symlink():
        return
    place.unlink(missing_ok=True)
    if item.kind == "file":
        place.write_bytes(b"".join(map(bytes, item.pieces)))
    elif item.kind == "sparse":
        _make_sparse(place, item.pieces)
    elif item.kind == "link":
        place.symlink_to(os.fsdecode(NAMES[item.other]))
    elif item.kind == "fifo":
        os.mkfifo(place)
    elif item.kind == "twin":
        files = sorted(path for path in root.rglob("*") if path.is_file() and not path.is_symlink())
        place.hardlink_to(files[item.other % len(files)]) if files else None


def _make_sparse(place: Path, parts: tuple[Piece, ...]) -> None:
    with place.open("wb") as file:
        for number, part in enumerate(parts):
            file.seek((3 * number + 1) * BLOCK)
            file.write(bytes(part))
        file.truncate((3 * len(parts) + 2) * BLOCK)
