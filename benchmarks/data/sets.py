"""The four data sets by letter and scale: made once below `.benchmark/data`, and again when their generator changes."""

import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.data.changing import prepare_changes, undo_changes
from benchmarks.data.deep import make_deep
from benchmarks.data.image import make_image
from benchmarks.data.mixed import make_mixed
from benchmarks.data.small import make_small
from benchmarks.data.writing import digest, walk_files

GIB = 1 << 30
_WANTED_SIZE = 1 << 20  # bytes; the file that restore-one fetches is the one nearest to it

# letter: what it is, how much of it at scale 1, how it is made
SETS: dict[str, tuple[str, int, Callable[[Path, int], None]]] = {
    "A": ("mixed files", 2 * GIB, make_mixed),
    "B": ("small files", 100_000, make_small),
    "C": ("disk image", 2 * GIB, make_image),
    "D": ("tiny files in a deep tree", 1_000_000, make_deep),
}


@dataclass(frozen=True)
class DataSet:
    """One set on disk.

    Attributes:
        files, bytes: how much lies below `source`.
        one: path of the file that restore-one fetches.
        digest: SHA-256 over paths and contents.
    """

    letter: str
    scale: float
    folder: Path
    files: int
    bytes: int
    one: str
    digest: str

    @property
    def source(self) -> Path:
        """What is backed up."""
        return self.folder / "source"


def data_set(letter: str, scale: float, below: Path) -> DataSet:
    """The set, made if it is not there, and as it was before any change."""
    folder = below / f"{letter}-{scale:g}"
    stamp = folder / "stamp.json"
    generator = _generator_digest()
    if stamp.exists():
        known = json.loads(stamp.read_text())
        if known.pop("generator") == generator:
            undo_changes(folder)
            return DataSet(letter, scale, folder, **known)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    _, amount, make = SETS[letter]
    make(folder / "source", max(1, round(amount * scale)))
    prepare_changes(folder)
    made = _measured(letter, scale, folder)
    known = {name: value for name, value in asdict(made).items() if name in {"files", "bytes", "one", "digest"}}
    stamp.write_text(json.dumps({"generator": generator, **known}))
    return made


def _measured(letter: str, scale: float, folder: Path) -> DataSet:
    sizes = dict(walk_files(folder / "source"))
    small = {path: size for path, size in sizes.items() if size <= _WANTED_SIZE}
    one = min(small, key=lambda path: (_WANTED_SIZE - small[path], path))
    return DataSet(letter, scale, folder, len(sizes), sum(sizes.values()), one, digest(folder / "source"))


def _generator_digest() -> str:
    total = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        total.update(path.read_bytes())
    return total.hexdigest()
