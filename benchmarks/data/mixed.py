"""Data set A: source code, logs, JSON, office archives and incompressible files in about equal parts."""

from collections.abc import Callable
from pathlib import Path

from benchmarks.data.binary import media, office_archive
from benchmarks.data.chance import Chance
from benchmarks.data.code import Project
from benchmarks.data.records import json_records, log
from benchmarks.data.words import vocabulary
from benchmarks.data.writing import in_parallel, write_file

SHARD = 256 << 20  # bytes of one shard: a larger set has the smaller one's shards, and more

_PROJECT_FILES = 2000
_FOLDER_FILES = 24

Content = Callable[[Chance, int], bytes]

# kind: share of the bytes in per cent, smallest and largest file as powers of two, ending, content
_KINDS: dict[str, tuple[int, int, int, str, Content | None]] = {
    "code": (24, 10, 17, "py", None),
    "logs": (20, 20, 25, "log", log),
    "json": (16, 12, 22, "json", json_records),
    "office": (20, 14, 22, "docx", office_archive),
    "media": (20, 16, 24, "jpg", media),
}


def make_mixed(root: Path, size: int) -> None:
    """Write `size` bytes below `root`, to within a file's header for each kind."""
    shards = max(1, round(size / SHARD))
    add_shards(root, range(shards), size // shards)


def add_shards(root: Path, shards: range, shard_size: int = SHARD) -> None:
    """Write these shards below `root`, beside those that are there."""
    in_parallel(make_kind, [(root, shard, kind, shard_size) for shard in shards for kind in _KINDS])


def make_kind(root: Path, shard: int, kind: str, shard_size: int) -> None:
    """Write one kind's files of one shard."""
    share, lowest, highest, ending, content = _KINDS[kind]
    chance = Chance("A", shard, kind)
    left = shard_size * share // 100
    highest = max(lowest + 1, min(highest, (left // 3).bit_length()))
    count = 0
    while left > 0:
        size = min(left, chance.octave_size(lowest, highest))
        if count % _PROJECT_FILES == 0 and content is None:
            source = Project("A", shard, count).source
        if count % _FOLDER_FILES == 0:
            folder = root / f"part-{shard:02}" / kind / chance.choice(vocabulary()) / f"{count // _FOLDER_FILES:04}"
            folder.mkdir(parents=True)
        name = f"{chance.choice(vocabulary())}_{count:05}.{ending}"
        write_file(folder / name, (content or source)(chance, size))
        left -= size
        count += 1
