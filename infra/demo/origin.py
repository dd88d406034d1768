"""What is backed up: a tree made for the demo, or one of the user's that is only ever read.

The second backup needs a change. A generated tree is changed; of a user's tree the first backup leaves one file out by
a pattern and the second takes it in, as if it had come in between.
"""

import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from infra.demo import tree
from infra.demo.failure import DemoError
from infra.demo.ground import Ground
from proofkeep.cli import shown

LOOKED_AT = 5_000
LARGEST_LEFT_OUT = 64 << 20

_PLAIN = re.compile(rb"[A-Za-z0-9_.,/ -]+")


@dataclass(frozen=True)
class Change:
    """What the second backup finds.

    Attributes:
        words: what was done.
        most: bytes of all files it touched: more than these cannot be new.
        least: bytes that must be new; 0 where its content may lie elsewhere in the tree too.
    """

    words: str
    most: int
    least: int = 0


@dataclass(frozen=True)
class Origin:
    """A tree and how it is treated.

    Attributes:
        excluded: patterns that hold for every backup: the demo's own directory, where the tree contains it.
        left_out: pattern that holds for the first backup only; empty when there is none.
        ignored: paths, relative to the root, that no backup takes.
    """

    root: Path
    generated: bool
    excluded: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    ignored: frozenset[bytes] = frozenset()

    def measure(self) -> int:
        """Bytes of all files that a backup takes, for a bar that can fill."""
        return sum(
            _size(folder + b"/" + name)
            for folder, _, names in _walk(os.fsencode(self.root), self.ignored)
            for name in names
        )

    def change(self) -> Change:
        """Bring about what the second backup is to find."""
        if self.generated:
            return Change(*tree.change(self.root), least=1)
        if not self.left_out:
            return Change("nothing: no file of this tree could be left out of the first backup", 0)
        name = self.left_out[0].removeprefix("/")
        return Change(f"{name} was left out the first time", (self.root / name).stat().st_size)


def generated(ground: Ground) -> Origin:
    """The demo's own tree; not made yet."""
    return Origin(ground.source, generated=True)


def given(path: Path, ground: Ground) -> Origin:
    """A tree of the user's.

    Raises:
        DemoError: it is no directory, holds nothing or what this user may not read, or lies where the demo works.
    """
    try:
        root = path.resolve(strict=True)
        if not root.is_dir():
            raise DemoError(f"{path} is no directory")
        if root.is_relative_to(ground.directory.resolve()):
            raise DemoError(f"{path} lies in the demo's own directory, which is emptied")
        ignored = _inside(ground.directory.resolve(), root)
        if {os.fsencode(name) for name in os.listdir(root)} <= ignored:  # noqa: PTH208 - names only
            raise DemoError(f"{path} holds nothing to back up")
    except OSError as error:
        raise DemoError(f"{path} cannot be read: {error.strerror}") from None
    _refuse_unreadable(os.fsencode(root), ignored)
    left_out = _one_file(os.fsencode(root), ignored)
    return Origin(
        root,
        generated=False,
        excluded=tuple(f"/{os.fsdecode(path)}" for path in ignored),
        left_out=(f"/{left_out.decode()}",) if left_out else (),
        ignored=ignored,
    )


def _inside(directory: Path, root: Path) -> frozenset[bytes]:
    if not directory.is_relative_to(root):
        return frozenset()
    return frozenset({os.fsencode(directory.relative_to(root))})


def _walk(root: bytes, ignored: frozenset[bytes]) -> Iterator[tuple[bytes, list[bytes], list[bytes]]]:
    """As `os.walk`, without what no backup takes."""
    for folder, folders, names in os.walk(root):
        below = folder[len(root) + 1 :]
        folders[:] = [name for name in folders if (below + b"/" + name).lstrip(b"/") not in ignored]
        yield folder, folders, names


def _refuse_unreadable(root: bytes, ignored: frozenset[bytes]) -> None:
    """What this user may not read makes every snapshot incomplete, and a demo of those proves nothing."""
    unreadable = [
        folder + b"/" + name
        for folder, folders, names in _walk(root, ignored)
        for name in (*folders, *names)
        if not _readable(folder + b"/" + name)
    ]
    if unreadable:
        raise DemoError(
            f"{shown.name(root)} holds {len(unreadable)} files or folders that this user may not read, "
            f"such as {shown.name(unreadable[0])}\nname another tree, or run as a user who may read it"
        )


def _readable(path: bytes) -> bool:
    try:
        mode = os.lstat(path).st_mode
    except FileNotFoundError:
        return True
    if stat.S_ISDIR(mode):
        return os.access(path, os.R_OK | os.X_OK)
    return not stat.S_ISREG(mode) or os.access(path, os.R_OK)


def _one_file(root: bytes, ignored: frozenset[bytes]) -> bytes | None:
    """The largest plain file among the first few thousand, unless it is the only one."""
    best: tuple[int, bytes] | None = None
    looked_at = files = 0
    for folder, _, names in os.walk(root):
        for name in names:
            path = os.path.join(folder, name)[len(root) + 1 :]  # noqa: PTH118 - names are any bytes
            status = os.lstat(root + b"/" + path)
            looked_at += 1
            if looked_at > LOOKED_AT:
                return best[1] if best else None
            if not stat.S_ISREG(status.st_mode) or any(path.startswith(other + b"/") for other in ignored):
                continue
            files += 1
            fits = status.st_nlink == 1 and 0 < status.st_size <= LARGEST_LEFT_OUT and _PLAIN.fullmatch(path)
            if fits and (best is None or status.st_size > best[0]):
                best = (status.st_size, path)
    return best[1] if best and files > 1 else None


def _size(path: bytes) -> int:
    try:
        status = os.lstat(path)
    except OSError:
        return 0
    return status.st_size if stat.S_ISREG(status.st_mode) else 0
