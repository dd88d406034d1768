"""Manifests that try to write outside the restore target, each attack by name.

Every test plants something precious beside the target and asserts that not a byte, time or inode of it moved.
"""

import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from proofkeep.errors import TargetError, UnsafePathError
from proofkeep.model import Kind
from proofkeep.targets.directory import DirectoryTarget
from proofkeep.targets.entry import Skipped
from tests.engine.targets.trees import entry, everything_about, portrait, put_file


@pytest.fixture
def outside(tmp_path: Path) -> Iterator[Path]:
    """What must not be touched."""
    place = tmp_path / "outside"
    (place / "d").mkdir(parents=True)
    (place / "precious").write_bytes(b"precious")
    (place / "d/link").symlink_to("../precious")
    (place / "precious").chmod(0o640)
    before = everything_about(place)
    yield place
    assert everything_about(place) == before


@pytest.fixture
def target(tmp_path: Path, outside: Path) -> Iterator[DirectoryTarget]:
    """A begun target; after the attack a harmless entry must still restore and nothing else stand beside it."""
    with DirectoryTarget(tmp_path / "restored") as growing:
        put_file(growing, entry(b"own", size=3), b"own")
        yield growing
        put_file(growing, entry(b"harmless", size=4), b"data")
        growing.complete()
    assert (tmp_path / "restored/harmless").read_bytes() == b"data"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["outside", "restored"]
    assert outside.is_dir()


def attempts(target: DirectoryTarget, path: bytes) -> list[Callable[[], object]]:
    """Every way to bring a name into being."""
    return [
        lambda: target.create(entry(path, size=1)),
        lambda: target.make(entry(path)),
        lambda: target.make(entry(path, Kind.DIRECTORY)),
        lambda: target.make(entry(path, Kind.SYMLINK, target=b"x")),
        lambda: target.make(entry(path, Kind.FIFO)),
        lambda: target.link(path, b"own"),
    ]


@pytest.mark.parametrize(
    "path",
    [
        pytest.param(b"/tmp/proofkeep-escaped", id="absolute"),
        pytest.param(b"//etc", id="absolute twice"),
        pytest.param(b"../outside/new", id="parent first"),
        pytest.param(b"a/../../outside/new", id="parent inside"),
        pytest.param(b"a/..", id="parent last"),
        pytest.param(b"..", id="parent alone"),
        pytest.param(b"./a", id="dot first"),
        pytest.param(b"a/./b", id="dot inside"),
        pytest.param(b".", id="dot alone"),
        pytest.param(b"a//b", id="empty component"),
        pytest.param(b"a/", id="trailing slash"),
        pytest.param(b"a\0b", id="NUL"),
        pytest.param(b"../outside/precious\0", id="parent before NUL"),
        pytest.param(b"n" * 256, id="component of 256 bytes"),
        pytest.param(b"a/" + b"n" * 300 + b"/b", id="long component inside"),
    ],
)
def test_path_that_leads_elsewhere(target: DirectoryTarget, path: bytes) -> None:
    for attempt in attempts(target, path):
        with pytest.raises(UnsafePathError):
            attempt()


@pytest.mark.parametrize("aim", ["absolute", "relative", "dangling"])
def test_entries_below_a_link_that_the_same_manifest_made(target: DirectoryTarget, outside: Path, aim: str) -> None:
    aims = {"absolute": os.fsencode(outside), "relative": b"../outside", "dangling": os.fsencode(outside) + b"/new"}
    target.make(entry(b"link", Kind.SYMLINK, target=aims[aim]))

    for path in (b"link/new", b"link/d/new", b"link/precious"):
        for attempt in attempts(target, path):
            with pytest.raises(UnsafePathError):
                attempt()


def test_link_in_place_of_a_directory_that_was_already_entered(target: DirectoryTarget, outside: Path) -> None:
    put_file(target, entry(b"d/inside", size=1), b"x")

    with pytest.raises(UnsafePathError, match="taken already"):
        target.make(entry(b"d", Kind.SYMLINK, target=os.fsencode(outside)))
    put_file(target, entry(b"d/precious", size=1), b"x")


def test_directory_entry_for_a_link_does_not_apply_to_what_it_points_to(target: DirectoryTarget, outside: Path) -> None:
    target.make(entry(b"link", Kind.SYMLINK, target=os.fsencode(outside)))

    with pytest.raises(UnsafePathError, match="taken already"):
        target.make(entry(b"link", Kind.DIRECTORY, mode=0o777, mtime_ns=1, xattrs=[(b"user.mark", b"x")]))


def test_file_written_through_a_link_of_its_name(target: DirectoryTarget, outside: Path) -> None:
    target.make(entry(b"file", Kind.SYMLINK, target=os.fsencode(outside / "precious")))

    with pytest.raises(UnsafePathError, match="taken already"):
        target.create(entry(b"file", size=4))


def test_metadata_of_a_link_stays_with_the_link(target: DirectoryTarget, outside: Path) -> None:
    target.make(
        entry(
            b"link",
            Kind.SYMLINK,
            target=os.fsencode(outside / "precious"),
            mode=0o777,
            uid=1234,
            mtime_ns=7,
            xattrs=[(b"user.mark", b"x"), (b"trusted.mark", b"x")],
        )
    )


@pytest.mark.parametrize(
    "existing", [b"../outside/precious", b"/etc/passwd", b"d/../../outside/precious", b"a\0b", b""]
)
def test_hardlink_to_a_path_outside(target: DirectoryTarget, existing: bytes) -> None:
    with pytest.raises(UnsafePathError, match="absolute or leads elsewhere"):
        target.link(b"link", existing)


def test_hardlink_through_a_link(target: DirectoryTarget, outside: Path) -> None:
    target.make(entry(b"to-directory", Kind.SYMLINK, target=os.fsencode(outside)))
    target.make(entry(b"to-file", Kind.SYMLINK, target=os.fsencode(outside / "precious")))

    with pytest.raises(UnsafePathError, match="no directory"):
        target.link(b"hardlink", b"to-directory/precious")
    with pytest.raises(UnsafePathError, match="no file"):
        target.link(b"hardlink", b"to-file")


def test_hardlink_to_what_is_no_file_or_not_there(target: DirectoryTarget) -> None:
    target.make(entry(b"d", Kind.DIRECTORY))
    target.make(entry(b"fifo", Kind.FIFO))

    for existing in (b"d", b"fifo"):
        with pytest.raises(UnsafePathError, match="no file"):
            target.link(b"hardlink", existing)
    with pytest.raises(TargetError, match="no such file"):
        target.link(b"hardlink", b"missing")


def test_hardlink_over_a_name_already_restored(target: DirectoryTarget, tmp_path: Path) -> None:
    put_file(target, entry(b"one", size=3), b"one")
    put_file(target, entry(b"two", size=3), b"two")

    with pytest.raises(UnsafePathError, match="taken already"):
        target.link(b"two", b"one")

    assert [path.read_bytes() for path in tmp_path.glob(".restored*/two")] == [b"two"]


@pytest.mark.parametrize("first", [Kind.FILE, Kind.DIRECTORY, Kind.SYMLINK, Kind.FIFO])
@pytest.mark.parametrize("second", [Kind.FILE, Kind.DIRECTORY, Kind.SYMLINK, Kind.FIFO])
def test_path_named_twice(target: DirectoryTarget, first: Kind, second: Kind) -> None:
    target.make(entry(b"twice", first, target=b"x"))

    with pytest.raises(UnsafePathError, match="taken already"):
        target.make(entry(b"twice", second, target=b"x"))


@pytest.mark.parametrize("above", [Kind.FILE, Kind.FIFO])
def test_entry_below_what_is_no_directory(target: DirectoryTarget, above: Kind) -> None:
    target.make(entry(b"above", above))

    with pytest.raises(UnsafePathError, match="no directory"):
        target.create(entry(b"above/below", size=1))


@pytest.mark.parametrize("kind", [Kind.CHARACTER_DEVICE, Kind.BLOCK_DEVICE])
def test_device_nobody_asked_for_is_left_out(target: DirectoryTarget, tmp_path: Path, kind: Kind) -> None:
    made = target.make(entry(b"device", kind, mode=0o666, rdev=os.makedev(1, 1)))

    assert made is Skipped.DEVICE
    assert list(tmp_path.glob("*/device")) == []


def test_root_of_another_kind(target: DirectoryTarget, outside: Path) -> None:
    for kind in (Kind.FILE, Kind.SYMLINK, Kind.FIFO):
        with pytest.raises(UnsafePathError):
            target.make(entry(b"", kind, target=os.fsencode(outside)))


def test_set_uid_for_another_owner_is_not_kept_without_that_owner(tmp_path: Path, outside: Path) -> None:
    with DirectoryTarget(tmp_path / "restored", restore_owner=False) as target:
        put_file(target, entry(b"shell", size=1, mode=0o6777, uid=12345), b"x")
        target.complete()

    assert stat.S_IMODE((tmp_path / "restored/shell").stat().st_mode) == 0o777
    assert outside.is_dir()


@pytest.mark.parametrize(
    "size, extents",
    [
        pytest.param(-1, [], id="negative"),
        pytest.param(10, [0], id="extent without a length"),
        pytest.param(10, [5, 6], id="extent beyond the size"),
        pytest.param(10, [-1, 2], id="extent before the file"),
        pytest.param(10, [0, 0], id="empty extent"),
        pytest.param(10, [0, -5], id="negative extent"),
        pytest.param(10, [0, 5, 4, 2], id="overlapping extents"),
        pytest.param(10, [6, 2, 0, 2], id="extents backwards"),
    ],
)
def test_size_that_contradicts_itself(target: DirectoryTarget, size: int, extents: list[int]) -> None:
    with pytest.raises(UnsafePathError):
        target.create(entry(b"file", size=size, extents=extents))


def test_more_content_than_was_promised_is_never_written(target: DirectoryTarget, tmp_path: Path) -> None:
    file = target.create(entry(b"file", size=10, extents=[4, 2]))

    for position, data in ((0, b"123"), (2, b"1"), (1, b"12"), (2**62, b"1"), (-1, b"1")):
        with pytest.raises(UnsafePathError, match="more content"):
            target.write(file, position, data)

    assert [path.read_bytes() for path in tmp_path.glob("*/file")] == [bytes(10)]
    target.discard(file)


def test_link_that_says_nothing_or_nul(target: DirectoryTarget) -> None:
    for text in (b"", b"a\0b"):
        with pytest.raises(UnsafePathError, match="link to nothing"):
            target.make(entry(b"link", Kind.SYMLINK, target=text))


def test_unending_directories_without_entries_are_bounded(
    target: DirectoryTarget, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("proofkeep.targets.directory.MAX_IMPLIED", 100)

    with pytest.raises(TargetError, match="more than 100 directories have no entry"):
        target.make(entry(b"a/" * 200 + b"b", Kind.FIFO))


def test_links_in_a_complete_restore_are_links_and_nothing_more(tmp_path: Path, outside: Path) -> None:
    with DirectoryTarget(tmp_path / "restored") as target:
        target.make(entry(b"", Kind.DIRECTORY, mode=0o755))
        target.make(entry(b"link", Kind.SYMLINK, target=os.fsencode(outside)))
        target.complete()

    assert portrait(tmp_path / "restored")[b"link"][7] == os.fsencode(outside)


def test_abandoning_a_hostile_restore_follows_no_link(tmp_path: Path, outside: Path) -> None:
    with DirectoryTarget(tmp_path / "restored") as target:
        target.make(entry(b"d/link", Kind.SYMLINK, target=os.fsencode(outside)))
        target.make(entry(b"link", Kind.SYMLINK, target=os.fsencode(outside / "d")))

    assert [path.name for path in tmp_path.iterdir()] == ["outside"]
    assert (outside / "precious").read_bytes() == b"precious"
