"""Data set B: small files of 1 to 20 KiB, half code, the rest JSON and letters."""

from pathlib import Path

from benchmarks.data.chance import Chance
from benchmarks.data.code import Project
from benchmarks.data.records import json_records, letter
from benchmarks.data.words import vocabulary
from benchmarks.data.writing import in_parallel, write_file

_FOLDER_FILES = 100
_FOLDERS = 50  # folders of one group: 5,000 files share a project


def make_small(root: Path, count: int) -> None:
    """Write `count` files below `root`."""
    folders = -(-count // _FOLDER_FILES)
    jobs = [(root, group, count) for group in range(-(-folders // _FOLDERS))]
    in_parallel(make_group, [*jobs])


def make_group(root: Path, group: int, count: int) -> None:
    """Write one group's folders."""
    chance = Chance("B", group)
    project = Project("B", group)
    contents = ((project.source, "py"), (project.source, "py"), (json_records, "json"), (letter, "eml"))
    first = group * _FOLDERS * _FOLDER_FILES
    for number in range(first, min(count, first + _FOLDERS * _FOLDER_FILES)):
        if number % _FOLDER_FILES == 0:
            folder = root / f"group-{group:03}" / f"{chance.choice(vocabulary())}-{number // _FOLDER_FILES:05}"
            folder.mkdir(parents=True)
        content, ending = contents[number % len(contents)]
        size = (1 << 10) + chance.below(19 << 10)
        write_file(folder / f"{chance.choice(vocabulary())}_{number:06}.{ending}", content(chance, size))
