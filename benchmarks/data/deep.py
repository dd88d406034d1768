"""Data set D: very many tiny files in a deep tree, for the path of metadata."""

import os
from pathlib import Path

from benchmarks.data.chance import Chance
from benchmarks.data.words import vocabulary
from benchmarks.data.writing import in_parallel, write_file

_FAN_OUT = 3
_FOLDER_FILES = 34  # a million files: 29,412 folders, nine levels deep
_JOB_FOLDERS = 1000
_CONTENT = 24  # bytes; each file differs


def make_deep(root: Path, count: int) -> None:
    """Write `count` files below `root`."""
    folders = _folders(root, -(-count // _FOLDER_FILES))
    for folder in folders:
        folder.mkdir(parents=True, exist_ok=True)
    in_parallel(
        make_files,
        [(folders[at : at + _JOB_FOLDERS], at * _FOLDER_FILES, count) for at in range(0, len(folders), _JOB_FOLDERS)],
    )


def _folders(root: Path, count: int) -> list[Path]:
    chance = Chance("D", "folders")
    folders = [root]
    while len(folders) < count:
        parent = folders[(len(folders) - 1) // _FAN_OUT]
        folders.append(parent / f"{chance.choice(vocabulary())}-{len(folders) % _FAN_OUT}")
    return folders


def make_files(folders: list[Path], first: int, count: int) -> None:
    """Write the files of these folders, numbered from `first`, none beyond `count`."""
    chance = Chance("D", first)
    names = vocabulary()
    for folder in folders:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        last = min(count, first + _FOLDER_FILES)
        drawn = chance.bytes(_CONTENT * _FOLDER_FILES)
        for index, number in enumerate(range(first, last)):
            content = drawn[index * _CONTENT : (index + 1) * _CONTENT]
            write_file(f"{names[number % 5003]}.{number}", content, descriptor)
        os.close(descriptor)
        first = last
