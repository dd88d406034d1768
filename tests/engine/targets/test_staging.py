import os
import signal
import subprocess
from pathlib import Path

import pytest

from proofkeep.errors import TargetError
from proofkeep.model import Kind
from proofkeep.targets.directory import DirectoryTarget
from tests.engine.descriptors import open_descriptors
from tests.engine.targets.trees import entry, everything_about, portrait, put_file
from tests.engine.unprivileged import NOBODY, as_nobody, open_to_everybody


def test_tree_has_its_name_only_when_complete(tmp_path: Path) -> None:
    final = tmp_path / "final"
    target = DirectoryTarget(final)
    target.begin()
    put_file(target, entry(b"file", size=4), b"data")

    assert not final.exists()

    target.complete()

    assert (final / "file").read_bytes() == b"data"
    assert list(tmp_path.iterdir()) == [final]


def test_staging_is_beside_the_final_place_and_private(tmp_path: Path) -> None:
    target = DirectoryTarget(tmp_path / "final")

    target.begin()

    (staging,) = tmp_path.iterdir()
    assert staging.name.startswith(".final.proofkeep-")
    assert staging.stat().st_mode & 0o7777 == 0o700
    target.abandon()


def test_two_restores_beside_each_other_have_stagings_of_their_own(tmp_path: Path) -> None:
    with DirectoryTarget(tmp_path / "one"), DirectoryTarget(tmp_path / ("n" * 255)), DirectoryTarget(tmp_path / "one"):
        assert len(list(tmp_path.iterdir())) == 3

    assert list(tmp_path.iterdir()) == []


def killed_restore(final: Path) -> None:
    """What kill -9 leaves of a restore that had written a file."""
    child = os.fork()
    if child == 0:
        target = DirectoryTarget(final)
        target.begin()
        put_file(target, entry(b"plain", size=5), b"plain")
        os.kill(os.getpid(), signal.SIGKILL)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL


def test_what_a_killed_restore_left_is_removed_by_the_next_one_to_the_same_name(tmp_path: Path) -> None:
    killed_restore(tmp_path / "final")
    (left,) = tmp_path.iterdir()
    assert [path.name for path in left.iterdir()] == ["plain"]

    with DirectoryTarget(tmp_path / "final") as target:
        assert not left.exists()
        put_file(target, entry(b"file", size=4), b"data")
        target.complete()

    assert [path.name for path in tmp_path.iterdir()] == ["final"]


def test_only_what_a_killed_restore_of_this_user_and_name_left_is_removed(tmp_path: Path) -> None:
    killed_restore(tmp_path / "other")
    (tmp_path / "kept").mkdir()
    (tmp_path / f".final.proofkeep-{'0' * 16}").symlink_to(tmp_path / "kept")
    (tmp_path / f".final.proofkeep-{'1' * 16}").touch()
    (tmp_path / f".final.proofkeep-{'2' * 16}.mine").mkdir()
    if os.geteuid() == 0:
        (tmp_path / f".final.proofkeep-{'3' * 16}").mkdir()
        os.chown(tmp_path / f".final.proofkeep-{'3' * 16}", NOBODY, NOBODY)
    before = set(tmp_path.iterdir())

    with DirectoryTarget(tmp_path / "final") as target:
        target.abandon()

    assert set(tmp_path.iterdir()) == before


def test_empty_directory_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "final").mkdir(mode=0o755)

    with DirectoryTarget(tmp_path / "final") as target:
        target.make(entry(b"", Kind.DIRECTORY, mode=0o710))
        target.complete()

    assert list(portrait(tmp_path / "final")) == [b""]
    assert (tmp_path / "final").stat().st_mode & 0o7777 == 0o710


@pytest.mark.parametrize("occupant", ["file", "link", "directory", "fifo"])
def test_final_place_that_is_taken_is_refused_and_untouched(tmp_path: Path, occupant: str) -> None:
    final = tmp_path / "final"
    (tmp_path / "elsewhere").mkdir()
    match occupant:
        case "file":
            final.touch()
        case "link":
            final.symlink_to(tmp_path / "elsewhere")
        case "directory":
            (final / "occupied").mkdir(parents=True)
        case "fifo":
            os.mkfifo(final)
    before = everything_about(tmp_path)

    with pytest.raises(TargetError, match="is not empty" if occupant == "directory" else "is no directory"):
        DirectoryTarget(final).begin()

    assert everything_about(tmp_path) == before


@pytest.mark.parametrize("final", ["missing/final", "file/final", "..", "/"])
def test_final_place_that_cannot_be_is_refused(tmp_path: Path, final: str) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(TargetError) as caught:
        DirectoryTarget(tmp_path / final).begin()

    assert str(tmp_path) not in str(caught.value)


@pytest.mark.requires("mount", root=True)
def test_mount_point_is_refused_at_the_beginning(tmp_path: Path) -> None:
    (tmp_path / "mounted").mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "none", tmp_path / "mounted"], check=True)
    try:
        with pytest.raises(TargetError, match="mount point; name a directory inside it"):
            DirectoryTarget(tmp_path / "mounted").begin()
    finally:
        subprocess.run(["umount", tmp_path / "mounted"], check=True)


def test_parent_that_may_not_be_written_is_refused() -> None:
    with open_to_everybody() as scratch:
        scratch.chmod(0o555)

        with pytest.raises(TargetError, match="permission denied"):
            as_nobody(lambda: DirectoryTarget(scratch / "final").begin())


def test_final_place_taken_meanwhile_is_not_replaced(tmp_path: Path) -> None:
    with DirectoryTarget(tmp_path / "final") as target:
        put_file(target, entry(b"file", size=4), b"data")
        (tmp_path / "final").mkdir()
        (tmp_path / "final/theirs").touch()

        with pytest.raises(TargetError, match="cannot be named: directory not empty"):
            target.complete()

    assert [path.name for path in tmp_path.rglob("*")] == ["final", "theirs"]


def test_staging_swapped_for_a_link_is_neither_named_nor_followed(tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/precious").write_bytes(b"precious")
    with DirectoryTarget(tmp_path / "final") as target:
        put_file(target, entry(b"file", size=4), b"data")
        (staging,) = tmp_path.glob(".final*")
        staging.rename(tmp_path / "moved")
        staging.symlink_to(tmp_path / "outside")
        before = everything_about(tmp_path / "outside")

        with pytest.raises(TargetError, match="was moved"):
            target.complete()

    assert everything_about(tmp_path / "outside") == before
    assert not (tmp_path / "final").exists()
    assert list((tmp_path / "moved").iterdir()) == []


def test_target_with_an_unfinished_file_is_not_complete(tmp_path: Path) -> None:
    with DirectoryTarget(tmp_path / "final") as target:
        target.create(entry(b"file", size=4))

        with pytest.raises(TargetError, match="1 unfinished"):
            target.complete()

    assert list(tmp_path.iterdir()) == []


def test_abandoning_leaves_nothing_and_no_descriptor(tmp_path: Path) -> None:
    before = open_descriptors()
    target = DirectoryTarget(tmp_path / "final")
    target.begin()
    target.make(entry(b"a", Kind.DIRECTORY))
    target.make(entry(b"a/link", Kind.SYMLINK, target=os.fsencode(tmp_path)))
    target.make(entry(b"a/b/implied", Kind.FIFO))
    target.create(entry(b"a/half", size=2 << 20))

    target.abandon()
    target.abandon()

    assert list(tmp_path.iterdir()) == []
    assert open_descriptors() == before


def test_completing_leaves_no_descriptor(tmp_path: Path) -> None:
    before = open_descriptors()

    with DirectoryTarget(tmp_path / "final") as target:
        put_file(target, entry(b"a/b/c", size=1), b"x")
        target.complete()

    assert open_descriptors() == before


def test_abandoning_without_privilege_removes_closed_directories() -> None:
    with open_to_everybody() as scratch:
        (scratch / "final").mkdir()
        (scratch / "final").chmod(0o777)

        def abandon() -> list[str]:
            with DirectoryTarget(scratch / "final") as target:
                for path, mode in ((b"closed", 0), (b"closed/inner", 0), (b"closed/inner/read-only", 0o500)):
                    target.make(entry(path, Kind.DIRECTORY, mode=mode))
                put_file(target, entry(b"closed/inner/read-only/file", size=1), b"x")
                put_file(target, entry(b"closed/inner/file", size=1, mode=0), b"x")
                (scratch / "final/taken").touch()  # the directories are closed already when naming fails
                with pytest.raises(TargetError, match="cannot be named"):
                    target.complete()
            return [path.name for path in scratch.iterdir()]

        assert as_nobody(abandon) == ["final"]


def test_abandoning_removes_a_tree_beyond_path_max(tmp_path: Path) -> None:
    with DirectoryTarget(tmp_path / "final") as target:
        put_file(target, entry(b"d/" * 3000 + b"file", size=1), b"x")

    assert list(tmp_path.iterdir()) == []


@pytest.mark.requires("setfacl")
def test_default_acl_beside_the_final_place_does_not_leak_into_the_restore(tmp_path: Path) -> None:
    subprocess.run(["setfacl", "-m", "d:u:12345:rwx,u:12345:rwx", tmp_path], check=True)

    with DirectoryTarget(tmp_path / "final") as target:
        target.make(entry(b"d", Kind.DIRECTORY, mode=0o755))
        put_file(target, entry(b"d/file", size=1), b"x")
        target.complete()

    assert {fields[8] for fields in portrait(tmp_path / "final").values()} == {()}
