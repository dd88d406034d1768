"""The private directory of a drill: nobody else's while it runs, and gone afterwards, whoever has to remove it."""

import fcntl
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from proofkeep.drill import private
from proofkeep.drill.private import PrivateDirectory, sweep
from tests.engine.unprivileged import as_nobody


def test_scratch_of_a_killed_drill_is_swept(tmp_path: Path) -> None:
    program = (
        "import os, sys, pathlib\n"
        "from proofkeep.drill.private import PrivateDirectory\n"
        "made = PrivateDirectory(pathlib.Path(sys.argv[1]))\n"
        "(made.path / 'plaintext').write_bytes(b'left')\n"
        "os.kill(os.getpid(), 9)\n"
    )
    alive = PrivateDirectory(tmp_path)
    subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=False)
    assert len(list(tmp_path.iterdir())) == 2

    swept = sweep(tmp_path)

    assert swept == 1
    assert list(tmp_path.iterdir()) == [alive.path]
    assert alive.remove()


@pytest.mark.parametrize("mode", [0o500, 0o400, 0o000])
def test_directories_restored_closed_are_removed_without_roots_rights(mode: int) -> None:
    def removed() -> tuple[bool, int, list[Path]]:
        with tempfile.TemporaryDirectory() as parent:
            ended, killed = PrivateDirectory(Path(parent)), PrivateDirectory(Path(parent))
            for each in (ended, killed):
                (each.path / "closed/deeper").mkdir(parents=True)
                (each.path / "closed/deeper/plaintext").write_bytes(b"left")
                (each.path / "closed/deeper").chmod(mode)
                (each.path / "closed").chmod(mode)
            os.close(killed._lock)
            return ended.remove(), sweep(Path(parent)), list(Path(parent).iterdir())

    assert as_nobody(removed) == (True, 1, [])


@pytest.mark.requires("mount", "umount", root=True)
def test_one_thing_that_cannot_go_keeps_nothing_else(tmp_path: Path) -> None:
    scratch = PrivateDirectory(tmp_path)
    for name in ("a", "b", "c"):
        (scratch.path / name).mkdir()
        (scratch.path / name / "plaintext").write_bytes(b"left")
    subprocess.run(["mount", "-t", "tmpfs", "none", scratch.path / "b"], check=True)
    try:
        removed = scratch.remove()
        left = list(scratch.path.iterdir())
    finally:
        subprocess.run(["umount", scratch.path / "b"], check=True)

    assert not removed
    assert left == [scratch.path / "b"]


@pytest.fixture
def first_made(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[Path], Any]], None]:
    """Do something to the next temporary directory as soon as it is made."""
    real = tempfile.mkdtemp

    def arrange(what: Callable[[Path], Any]) -> None:
        waiting = [what]

        def made(**options: Any) -> str:
            path: str = real(**options)
            if waiting:
                waiting.pop()(Path(path))
            return path

        monkeypatch.setattr(tempfile, "mkdtemp", made)

    return arrange


def test_drill_takes_other_scratch_if_its_own_was_swept_before_it_was_opened(
    tmp_path: Path, first_made: Callable[[Callable[[Path], Any]], None]
) -> None:
    swept: list[int] = []
    first_made(lambda path: swept.append(sweep(path.parent)))

    assert_only_scratch_of(PrivateDirectory(tmp_path), tmp_path)
    assert swept == [1]


def test_drill_takes_other_scratch_while_its_own_is_swept(
    tmp_path: Path, first_made: Callable[[Callable[[Path], Any]], None]
) -> None:
    sweeping: list[int] = []
    first_made(lambda path: sweeping.append(private._lock(path)))

    mine = PrivateDirectory(tmp_path)
    os.close(sweeping[0])

    assert sweep(tmp_path) == 1
    assert_only_scratch_of(mine, tmp_path)


def test_drill_takes_other_scratch_if_its_own_was_swept_before_it_was_locked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = fcntl.flock
    swept: list[int] = []

    def flock_after_a_sweep(descriptor: int, operation: int) -> None:
        monkeypatch.setattr(fcntl, "flock", real)
        swept.append(sweep(tmp_path))
        real(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", flock_after_a_sweep)

    assert_only_scratch_of(PrivateDirectory(tmp_path), tmp_path)
    assert swept == [1]


def assert_only_scratch_of(drill: PrivateDirectory, parent: Path) -> None:
    assert list(parent.iterdir()) == [drill.path]
    assert sweep(parent) == 0
    assert drill.remove()


def test_what_others_put_there_is_left_alone(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    parent = tmp_path / "parent"
    parent.mkdir()
    (parent / "proofkeep-drill-link").symlink_to(elsewhere)
    (parent / "other").mkdir()

    swept = sweep(parent)

    assert swept == 0
    assert elsewhere.is_dir()
    assert sorted(path.name for path in parent.iterdir()) == ["other", "proofkeep-drill-link"]
