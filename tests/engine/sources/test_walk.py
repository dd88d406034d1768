import os
import socket
import stat
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proofkeep.errors import PolicyError, SourceUnavailableError
from proofkeep.model import Kind, Node, SourceDescription
from proofkeep.ports import Source
from proofkeep.sources import attributes, walk
from proofkeep.sources.directory import DirectorySource
from tests.engine.descriptors import open_descriptors
from tests.engine.sources.trees import below, plant, plant_deep
from tests.engine.unprivileged import open_to_everybody
from tests.settling import long_after

CAPABILITY = struct.pack("<IIIII", 0x02000001, 0x400, 0, 0, 0)


def nodes_of(root: Path, *, xattrs: bool = True) -> dict[bytes, Node]:
    return {node.path: node for node in DirectorySource(root, label="test", xattrs=xattrs).walk()}


def paths_of(source: DirectorySource) -> list[bytes]:
    return [node.path for node in source.walk()]


def test_walk_gives_a_directory_before_what_it_holds_and_siblings_bytewise(tmp_path: Path) -> None:
    for name in ("b", "a.x", "a/z", "a/b/c", "a-", "B"):
        (tmp_path / name).mkdir(parents=True)

    walked = paths_of(DirectorySource(tmp_path, label="test"))

    assert walked == [b"", b"B", b"a", b"a/b", b"a/b/c", b"a/z", b"a-", b"a.x", b"b"]


@given(
    files=st.lists(
        st.lists(st.binary(min_size=1, max_size=6), min_size=1, max_size=4).map(b"/".join),
        max_size=12,
    )
)
def test_walk_is_sorted_by_path_components_and_complete(files: list[bytes]) -> None:
    with open_to_everybody() as scratch:
        tree = plant(scratch, [f for f in files if b"\0" not in f and b".." not in f])

        walked = paths_of(DirectorySource(scratch, label="test"))

    assert walked == [b"", *sorted(tree, key=lambda path: path.split(b"/"))]


def test_node_holds_the_fields_of_lstat(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"content")
    file.chmod(0o4751)
    os.utime(file, ns=(1, 1_234_567_890_123_456_789))

    node = nodes_of(tmp_path)[b"file"]

    status = file.stat()
    assert (node.kind, node.mode, node.size) == (Kind.FILE, 0o4751, 7)
    assert node.mtime_ns == 1_234_567_890_123_456_789
    assert node.ctime_ns == status.st_ctime_ns
    assert (node.uid, node.gid) == (status.st_uid, status.st_gid)
    assert (node.device, node.inode) == (status.st_dev, status.st_ino)
    assert (node.hardlink, node.unread, node.rdev) == (None, "", 0)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(b"\xff\xfe", id="invalid UTF-8"),
        pytest.param(b"line\nbreak", id="newline"),
        pytest.param(b"n" * 255, id="255 bytes"),
        pytest.param(b" ", id="space"),
        pytest.param(b"\x01\x7f\\", id="control characters"),
    ],
)
def test_any_bytes_are_a_name(tmp_path: Path, name: bytes) -> None:
    below(tmp_path, name).write_bytes(b"x")

    assert list(nodes_of(tmp_path)) == [b"", name]


def test_links_fifos_and_sockets_are_recorded(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(os.fsdecode(b"../\xffnowhere"))
    os.mkfifo(tmp_path / "fifo")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "sock"))

    nodes = nodes_of(tmp_path)

    assert (nodes[b"link"].kind, nodes[b"link"].target) == (Kind.SYMLINK, b"../\xffnowhere")
    assert nodes[b"link"].size == len(b"../\xffnowhere")
    assert nodes[b"fifo"].kind is Kind.FIFO
    assert nodes[b"sock"].kind is Kind.SOCKET


@pytest.mark.requires(root=True)
def test_devices_are_recorded_with_their_numbers(tmp_path: Path) -> None:
    os.mknod(tmp_path / "char", 0o600 | stat.S_IFCHR, os.makedev(1, 3))
    os.mknod(tmp_path / "block", 0o600 | stat.S_IFBLK, os.makedev(7, 200))

    nodes = nodes_of(tmp_path)

    assert (nodes[b"char"].kind, nodes[b"char"].rdev) == (Kind.CHARACTER_DEVICE, os.makedev(1, 3))
    assert (nodes[b"block"].kind, nodes[b"block"].rdev) == (Kind.BLOCK_DEVICE, os.makedev(7, 200))


def test_names_of_one_file_share_their_hardlink(tmp_path: Path) -> None:
    (tmp_path / "one").write_bytes(b"x")
    (tmp_path / "two").hardlink_to(tmp_path / "one")

    nodes = nodes_of(tmp_path)

    status = (tmp_path / "one").stat()
    assert nodes[b"one"].hardlink == nodes[b"two"].hardlink == (status.st_dev, status.st_ino)


def test_extended_attributes_are_sorted_and_bytes(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"x")
    os.setxattr(file, b"user.z", b"")
    os.setxattr(file, b"user.a", b"\x00\xff")
    os.setxattr(tmp_path, b"user.root", b"r")

    nodes = nodes_of(tmp_path)

    assert nodes[b"file"].xattrs == ((b"user.a", b"\x00\xff"), (b"user.z", b""))
    assert nodes[b""].xattrs == ((b"user.root", b"r"),)
    assert nodes_of(tmp_path, xattrs=False)[b"file"].xattrs == ()


@pytest.mark.requires(root=True)
def test_capabilities_and_attributes_of_links_are_read(tmp_path: Path) -> None:
    (tmp_path / "program").write_bytes(b"x")
    (tmp_path / "link").symlink_to("program")
    os.setxattr(tmp_path / "program", "security.capability", CAPABILITY)
    os.setxattr(tmp_path / "link", "trusted.own", b"link's", follow_symlinks=False)

    nodes = nodes_of(tmp_path)

    assert nodes[b"program"].xattrs == ((b"security.capability", CAPABILITY),)
    assert nodes[b"link"].xattrs == ((b"trusted.own", b"link's"),)


@pytest.mark.requires("setfacl")
def test_acls_are_read_as_attributes(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    subprocess.run(["setfacl", "-m", "u:12345:rwx,d:g:54321:r", tmp_path / "d"], check=True)

    names = [name for name, _ in nodes_of(tmp_path)[b"d"].xattrs]

    assert names == [b"system.posix_acl_access", b"system.posix_acl_default"]


DEEP = 5000


@pytest.fixture(scope="module")
def deep_tree(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """`DEEP` directories inside each other, each with a file sorted behind the directory."""
    root = tmp_path_factory.mktemp("deep")
    plant_deep(root, "d", DEEP)
    yield root
    subprocess.run(["rm", "-rf", root], check=True)


def test_walk_goes_deeper_than_recursion_path_max_and_descriptors(deep_tree: Path) -> None:
    source = DirectorySource(deep_tree, label="test")

    walked = paths_of(source)

    assert sys.getrecursionlimit() < DEEP
    assert len(walked) == 1 + 2 * DEEP
    assert walked[DEEP] == b"/".join([b"d"] * DEEP)
    assert walked[-1] == b"z"
    assert source.vanished == 0


def test_file_below_path_max_is_opened_and_looked_at_again(deep_tree: Path) -> None:
    source = DirectorySource(deep_tree, label="test", clock=long_after)
    deepest = max(source.walk(), key=lambda node: (node.kind is Kind.FILE, len(node.path)))

    reader = source.open(deepest)

    assert len(deepest.path) > os.pathconf(deep_tree, "PC_PATH_MAX")
    assert reader.unchanged()
    assert source.again(deepest) == deepest
    reader.close()
    source.close()


def test_directory_too_deep_for_a_manifest_is_unread_and_not_entered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a/b/c/d").mkdir(parents=True)
    monkeypatch.setattr(walk, "MAX_ENTERED", len(b"a/b"))

    nodes = nodes_of(tmp_path)

    assert {path: node.unread for path, node in nodes.items() if node.unread} == {b"a/b/c": "source-unavailable"}
    assert list(nodes) == [b"", b"a", b"a/b", b"a/b/c"]


def test_source_says_its_root_and_patterns(tmp_path: Path) -> None:
    source: Source = DirectorySource(tmp_path, label="test", include=["a"], exclude=["b", "c"])

    assert source.facts == SourceDescription(os.fsencode(tmp_path), ("a",), ("b", "c"))


def test_repository_inside_the_source_is_left_out_whatever_its_name(tmp_path: Path) -> None:
    (tmp_path / "data/spool/packs").mkdir(parents=True)
    (tmp_path / "alias").symlink_to("data/spool")

    source = DirectorySource(tmp_path, label="test", exclude_roots=[tmp_path / "alias", tmp_path / "missing"])

    assert paths_of(source) == [b"", b"alias", b"data"]
    assert source.own_directories == 1


@pytest.mark.parametrize("root", ["store", "store/packs/0", "alias", "alias/packs"])
def test_source_that_is_or_lies_in_the_repository_is_refused(tmp_path: Path, root: str) -> None:
    (tmp_path / "store/packs/0").mkdir(parents=True)
    (tmp_path / "alias").symlink_to("store")
    source = DirectorySource(tmp_path / root, label="test", exclude_roots=[tmp_path / "store"])

    with pytest.raises(PolicyError, match="source test lies in the repository's own directory"):
        next(source.walk())


@pytest.mark.requires("mount", root=True)
def test_mount_point_is_entered_unless_told_otherwise(tmp_path: Path) -> None:
    (tmp_path / "mounted").mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "none", tmp_path / "mounted"], check=True)
    try:
        (tmp_path / "mounted/file").touch()
        across = DirectorySource(tmp_path, label="test")
        within = DirectorySource(tmp_path, label="test", one_filesystem=True)

        assert paths_of(across) == [b"", b"mounted", b"mounted/file"]
        assert paths_of(within) == [b"", b"mounted"]
        assert (across.other_filesystems, within.other_filesystems) == (0, 1)
    finally:
        subprocess.run(["umount", tmp_path / "mounted"], check=True)


@pytest.mark.parametrize("what", ["missing", "file"])
def test_root_that_cannot_be_listed_is_an_error_without_its_path(tmp_path: Path, what: str) -> None:
    (tmp_path / "file").touch()
    source = DirectorySource(tmp_path / what, label="payroll")

    with pytest.raises(SourceUnavailableError, match="source payroll cannot be opened") as caught:
        list(source.walk())

    assert str(tmp_path) not in str(caught.value)


def test_abandoned_walk_leaves_no_descriptor_open(tmp_path: Path) -> None:
    (tmp_path / "a/b/c").mkdir(parents=True)
    before = open_descriptors()
    nodes = iter(DirectorySource(tmp_path, label="test").walk())
    for _ in range(3):
        next(nodes)

    nodes.close()  # type: ignore[attr-defined] # walks are generators

    assert open_descriptors() == before


def test_more_attributes_than_a_manifest_takes_make_their_file_unread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attributes, "MOST_BYTES", 2 * 106)
    for name, count in (("few", 2), ("many", 3)):
        (tmp_path / name).touch()
        for number in range(count):
            os.setxattr(tmp_path / name, f"user.{number}", bytes(100))

    nodes = nodes_of(tmp_path)

    assert (nodes[b"few"].unread, len(nodes[b"few"].xattrs)) == ("", 2)
    assert (nodes[b"many"].unread, nodes[b"many"].xattrs) == ("source-unavailable", ())
