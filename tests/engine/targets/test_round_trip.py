"""What a source reads and a target writes is the same tree again."""

import os
import socket
import stat
import struct
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from proofkeep.model import Kind
from proofkeep.sources.directory import DirectorySource
from proofkeep.targets.directory import DirectoryTarget
from tests.engine.sources.trees import below, plant_deep
from tests.engine.targets.trees import copy, portrait
from tests.engine.unprivileged import as_nobody, open_to_everybody

MIB = 1 << 20
CAPABILITY = struct.pack("<IIIII", 0x02000001, 0x400, 0, 0, 0)


@pytest.fixture
def places(tmp_path: Path) -> tuple[Path, Path]:
    root = tmp_path / "source"
    root.mkdir()
    return root, tmp_path / "restored"


def restore(root: Path, final: Path, *, allow_devices: bool = False) -> DirectoryTarget:
    with DirectoryTarget(final, allow_devices=allow_devices) as target:
        copy(DirectorySource(root, label="test"), target)
        target.complete()
    return target


def test_plain_tree_comes_back(places: tuple[Path, Path]) -> None:
    root, final = places
    (root / "d/e").mkdir(parents=True)
    (root / "d/small").write_bytes(b"small")
    (root / "d/e/large").write_bytes(os.urandom(3 * MIB + 1))
    (root / "empty").touch()
    (root / "link").symlink_to("../anywhere")
    os.mkfifo(root / "fifo", 0o620)
    (root / "twin").hardlink_to(root / "d/small")
    (root / "d").chmod(0o1750)
    for path in [*root.rglob("*"), root]:
        os.utime(path, ns=(5, 1_234_567_890_123_456_789), follow_symlinks=False)

    target = restore(root, final)

    assert portrait(final) == portrait(root)
    assert (final / "twin").samefile(final / "d/small")
    assert (target.owners_unset, target.xattrs_unset) == (0, 0)


def test_holes_stay_holes(places: tuple[Path, Path]) -> None:
    root, final = places
    with (root / "sparse").open("wb") as file:
        file.truncate(200 * MIB)
        for offset in (MIB, 5 * MIB, 150 * MIB):
            file.seek(offset)
            file.write(os.urandom(70_000))
    with (root / "hole").open("wb") as file:
        file.truncate(3 * MIB)

    restore(root, final)

    assert portrait(final) == portrait(root)
    assert (final / "sparse").stat().st_blocks * 512 < MIB
    assert (final / "hole").stat().st_blocks == 0


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(b"\xff\xfe", id="invalid UTF-8"),
        pytest.param(b"line\nbreak", id="newline"),
        pytest.param(b"n" * 255, id="255 bytes"),
        pytest.param(b"-rf", id="looks like an option"),
        pytest.param(b"...", id="three dots"),
        pytest.param(b"\\..\\", id="backslashes"),
    ],
)
def test_any_name_comes_back(places: tuple[Path, Path], name: bytes) -> None:
    root, final = places
    below(root, name).mkdir()
    below(root, name + b"/" + name).write_bytes(b"x")
    below(root, name + b"/link").symlink_to(os.fsdecode(name))

    restore(root, final)

    assert portrait(final) == portrait(root)


def test_extended_attributes_come_back_on_read_only_nodes(places: tuple[Path, Path]) -> None:
    root, final = places
    (root / "d").mkdir()
    (root / "d/file").write_bytes(b"x")
    for path in (root / "d/file", root / "d", root):
        os.setxattr(path, "user.note", b"\x00\xff" + os.fsencode(path.name))
        path.chmod(0o555)

    restore(root, final)

    assert portrait(final) == portrait(root)


@pytest.mark.requires("setfacl")
def test_acls_come_back(places: tuple[Path, Path]) -> None:
    root, final = places
    (root / "d").mkdir()
    (root / "d/file").write_bytes(b"x")
    subprocess.run(["setfacl", "-m", "u:12345:rwx,g:54321:r,m::r", root / "d/file"], check=True)
    subprocess.run(["setfacl", "-m", "u:12345:rwx,d:u:12345:r,d:m::rx", root / "d"], check=True)

    restore(root, final)

    assert portrait(final) == portrait(root)
    assert b"system.posix_acl_default" in dict(portrait(final)[b"d"][8])


@pytest.mark.requires(root=True)
def test_owners_capabilities_and_attributes_of_links_come_back(places: tuple[Path, Path]) -> None:
    root, final = places
    (root / "program").write_bytes(b"x")
    (root / "link").symlink_to("program")
    os.mkfifo(root / "fifo")
    for number, path in enumerate([root / "program", root / "link", root / "fifo", root]):
        os.chown(path, 1000 + number, 2000 + number, follow_symlinks=False)
    (root / "program").chmod(0o6755)
    os.setxattr(root / "program", "security.capability", CAPABILITY)
    os.setxattr(root / "link", "trusted.own", b"link's", follow_symlinks=False)

    target = restore(root, final)

    assert portrait(final) == portrait(root)
    assert target.restores_owner


@pytest.mark.requires(root=True)
def test_devices_come_back_on_request(places: tuple[Path, Path]) -> None:
    root, final = places
    os.mknod(root / "char", 0o640 | stat.S_IFCHR, os.makedev(1, 3))
    os.mknod(root / "block", 0o600 | stat.S_IFBLK, os.makedev(7, 70_000))

    restore(root, final, allow_devices=True)

    assert portrait(final) == portrait(root)


def test_sockets_are_left_out(places: tuple[Path, Path]) -> None:
    root, final = places
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(root / "sock"))

    restore(root, final)

    assert Kind.SOCKET in {fields[0] for fields in portrait(root).values()}
    assert list(portrait(final)) == [b""]


def test_tree_with_closed_directories_comes_back_without_privilege() -> None:
    with open_to_everybody() as scratch:

        def round_trip() -> tuple[object, object, bool]:
            root = scratch / "source"
            (root / "closed/inner").mkdir(parents=True)
            (root / "closed/inner/file").write_bytes(b"x")
            (root / "closed/inner").chmod(0o500)
            (root / "closed").chmod(0o500)
            target = restore(root, scratch / "restored")
            return portrait(root), portrait(scratch / "restored"), target.restores_owner

        original, restored, restores_owner = as_nobody(round_trip)

    assert restored == original
    assert not restores_owner


DEEP = 1500


@pytest.fixture
def deep_tree(places: tuple[Path, Path]) -> Iterator[tuple[Path, Path]]:
    plant_deep(places[0], "deep", DEEP)
    yield places
    subprocess.run(["rm", "-rf", *places], check=True)


def test_tree_beyond_path_max_comes_back(deep_tree: tuple[Path, Path]) -> None:
    root, final = deep_tree

    restore(root, final)

    assert portrait(final) == portrait(root)
    assert max(map(len, portrait(final))) > os.pathconf(root, "PC_PATH_MAX")
