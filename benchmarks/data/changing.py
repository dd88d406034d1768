"""A day's work on a data set, done and undone by renames, so that every round begins with the same files."""

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path

from benchmarks.data.chance import Chance
from benchmarks.data.image import change_image
from benchmarks.data.records import prose
from benchmarks.data.writing import MODIFIED_NS, walk_files, write_file

_REPLACED_SHARE = 100  # one file in so many is edited, a tenth as many are new, a tenth as many gone
_INSERTED = 400


@dataclass(frozen=True)
class Changes:
    """Paths relative to the source."""

    replaced: list[str] = field(default_factory=list)
    added: list[str] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)


def prepare_changes(folder: Path) -> None:
    """Write below `folder / after` what will replace or join the files of `folder / source`."""
    source, after = folder / "source", folder / "after"
    if (source / "disk.img").exists():
        after.mkdir()
        change_image(source / "disk.img", after / "disk.img")
        changes = Changes(replaced=["disk.img"])
    else:
        changes = _edit(source, after)
    (folder / "changes.json").write_text(json.dumps(asdict(changes)))


def _edit(source: Path, after: Path) -> Changes:
    chance = Chance("changes")
    changes = Changes()
    for number, (path, _) in enumerate(walk_files(source)):
        edited = number % _REPLACED_SHARE == _REPLACED_SHARE // 2
        if edited:
            before = (source / path).read_bytes()
            half = len(before) // 2
            _write_later(after / path, before[:half] + prose(chance, _INSERTED) + before[half:])
            changes.replaced.append(path)
        if edited and number // _REPLACED_SHARE % 10 == 0:
            _write_later(after / f"{path}.new", prose(chance, 4096))
            changes.added.append(f"{path}.new")
        if number % (_REPLACED_SHARE * 10) == 1:
            changes.deleted.append(path)
    return changes


def _write_later(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_file(path, content)
    os.utime(path, ns=(MODIFIED_NS + 1, MODIFIED_NS + 1))


def read_changes(folder: Path) -> Changes:
    """What `prepare_changes` wrote."""
    return Changes(**json.loads((folder / "changes.json").read_text()))


def apply_changes(folder: Path) -> None:
    """Make the source as it is after the day; what it replaces waits in `folder / before`."""
    changes = read_changes(folder)
    for path in (*changes.replaced, *changes.deleted):
        _move(folder / "source" / path, folder / "before" / path)
    for path in (*changes.replaced, *changes.added):
        _move(folder / "after" / path, folder / "source" / path)


def undo_changes(folder: Path) -> None:
    """Make the source as it was before; does nothing more where nothing, or not everything, was applied."""
    changes = read_changes(folder)
    for path in (*changes.replaced, *changes.added):
        if not (folder / "after" / path).exists():
            _move(folder / "source" / path, folder / "after" / path)
    for path in (*changes.replaced, *changes.deleted):
        if (folder / "before" / path).exists():
            _move(folder / "before" / path, folder / "source" / path)


def _move(old: Path, new: Path) -> None:
    new.parent.mkdir(parents=True, exist_ok=True)
    old.rename(new)
