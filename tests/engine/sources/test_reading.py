import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from proofkeep.errors import SourceChangedError, SourceUnavailableError
from proofkeep.model import Node
from proofkeep.sources import reading
from proofkeep.sources.directory import DirectorySource
from tests.engine.descriptors import open_descriptors

BLOCK = 4096
MIB = 1 << 20


@pytest.fixture
def source(tmp_path: Path) -> DirectorySource:
    root = tmp_path / "source"
    root.mkdir()
    return DirectorySource(root, label="test")


def node_of(source: DirectorySource, path: bytes = b"file") -> Node:
    return next(node for node in source.walk() if node.path == path)


def read_all(reader: reading.FileReader, size: int = MIB) -> bytes:
    buffer = bytearray(size)
    content = bytearray()
    while count := reader.readinto(memoryview(buffer)):
        content += buffer[:count]
    return bytes(content)


def write_extents(path: Path, size: int, extents: Sequence[tuple[int, bytes]]) -> None:
    with path.open("wb") as file:
        file.truncate(size)
        for offset, data in extents:
            file.seek(offset)
            file.write(data)
        os.fsync(file.fileno())


@pytest.mark.parametrize("seconds,stored_ns", [(2**33, 2**33 * 10**9), (2**33 + 2**32, 2**63 - 1)])
def test_time_that_the_format_cannot_hold_is_the_nearest_that_it_can(
    source: DirectorySource, tmp_path: Path, seconds: int, stored_ns: int
) -> None:
    (tmp_path / "source/file").write_bytes(b"dated")
    os.utime(tmp_path / "source/file", (0, seconds))

    node = node_of(source)

    assert node.mtime_ns == stored_ns
    assert source.open(node).unchanged()
    buffer = bytearray(5)
    assert source.read_whole(node, memoryview(buffer))


@pytest.mark.parametrize("size", [0, 1, BLOCK, 3 * MIB + 1])
@pytest.mark.parametrize("buffer", [1000, MIB, 8 * MIB])
def test_dense_file_is_read_whole(source: DirectorySource, tmp_path: Path, size: int, buffer: int) -> None:
    content = os.urandom(size)
    (tmp_path / "source/file").write_bytes(content)

    reader = source.open(node_of(source))

    assert read_all(reader, buffer) == content
    assert reader.extents() is None
    assert reader.unchanged()


def test_sparse_file_gives_its_data_only(source: DirectorySource, tmp_path: Path) -> None:
    first, second = os.urandom(BLOCK), os.urandom(2 * BLOCK)
    write_extents(tmp_path / "source/file", 100 * MIB, [(MIB, first), (64 * MIB, second)])

    reader = source.open(node_of(source))

    assert reader.extents() == [(MIB, BLOCK), (64 * MIB, 2 * BLOCK)]
    assert read_all(reader, 5000) == first + second


def test_file_that_is_one_hole_has_no_data(source: DirectorySource, tmp_path: Path) -> None:
    write_extents(tmp_path / "source/file", 10 * MIB, [])

    reader = source.open(node_of(source))

    assert reader.extents() == []
    assert read_all(reader) == b""
    assert reader.unchanged()


def test_last_extent_ends_where_the_file_ends(source: DirectorySource, tmp_path: Path) -> None:
    write_extents(tmp_path / "source/file", MIB + 5, [(MIB, b"abcde")])

    reader = source.open(node_of(source))

    assert reader.extents() == [(MIB, 5)]
    assert read_all(reader) == b"abcde"


@given(
    blocks=st.lists(st.booleans(), min_size=1, max_size=24),
    tail=st.integers(0, BLOCK - 1),
    buffer=st.integers(1, 20_000),
)
def test_extents_and_data_put_the_file_together_again(blocks: list[bool], tail: int, buffer: int) -> None:
    size = len(blocks) * BLOCK + tail
    with tempfile.TemporaryDirectory() as scratch:
        data = [(i * BLOCK, bytes([1 + i % 255]) * BLOCK) for i, present in enumerate(blocks) if present]
        write_extents(Path(scratch) / "file", size, data)
        source = DirectorySource(Path(scratch), label="test")

        reader = source.open(node_of(source))
        content = read_all(reader, buffer)
        extents = reader.extents()
        reader.close()
        source.close()

        rebuilt = bytearray(size)
        for offset, length in [(0, size)] if extents is None else extents:
            rebuilt[offset : offset + length], content = content[:length], content[length:]
        assert bytes(rebuilt) == (Path(scratch) / "file").read_bytes()
        assert content == b""


def test_file_in_too_many_extents_is_read_as_dense(
    source: DirectorySource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "MAX_EXTENTS", 2)
    write_extents(tmp_path / "source/file", 10 * BLOCK, [(i * BLOCK, b"x" * BLOCK) for i in (1, 4, 7)])

    reader = source.open(node_of(source))

    assert reader.extents() is None
    assert read_all(reader) == (tmp_path / "source/file").read_bytes()


def test_big_file_is_read_whole_while_its_pages_are_dropped(source: DirectorySource, tmp_path: Path) -> None:
    content = os.urandom(MIB) * 17
    (tmp_path / "source/file").write_bytes(content)

    reader = source.open(node_of(source))

    assert len(content) > reading.BIG_FILE
    assert read_all(reader) == content


def test_reading_leaves_the_access_time(source: DirectorySource, tmp_path: Path) -> None:
    file = tmp_path / "source/file"
    file.write_bytes(b"x")
    os.utime(file, ns=(1, 2))  # older than mtime: relatime would move it

    reader = source.open(node_of(source))
    read_all(reader)

    assert file.stat().st_atime_ns == 1


def test_growing_file_is_read_up_to_its_listed_size_and_has_changed(source: DirectorySource, tmp_path: Path) -> None:
    file = tmp_path / "source/file"
    file.write_bytes(b"first")
    reader = source.open(node_of(source))
    with file.open("ab") as more:
        more.write(b"second")

    assert read_all(reader) == b"first"
    assert not reader.unchanged()


def test_shrinking_file_ends_early_and_has_changed(source: DirectorySource, tmp_path: Path) -> None:
    file = tmp_path / "source/file"
    file.write_bytes(b"x" * 10_000)
    reader = source.open(node_of(source))
    os.truncate(file, 3)

    assert read_all(reader, 4000) == b"xxx"
    assert not reader.unchanged()


def test_file_replaced_before_opening_has_changed_whatever_its_times(source: DirectorySource, tmp_path: Path) -> None:
    file = tmp_path / "source/file"
    file.write_bytes(b"old")
    node = node_of(source)
    (tmp_path / "source/new").write_bytes(b"new")
    os.utime(tmp_path / "source/new", ns=(node.mtime_ns, node.mtime_ns))
    (tmp_path / "source/new").rename(file)

    reader = source.open(node)

    assert not reader.unchanged()
    again = source.again(node)
    assert again is not None
    assert again.inode == file.stat().st_ino


@pytest.mark.parametrize("field", ["size", "mtime_ns", "ctime_ns", "inode", "device"])
def test_any_difference_to_the_listing_is_a_change(source: DirectorySource, tmp_path: Path, field: str) -> None:
    (tmp_path / "source/file").write_bytes(b"x")
    node = node_of(source)

    listed_otherwise: dict[str, Any] = {field: getattr(node, field) + 1}

    assert source.open(node).unchanged()
    assert not source.open(replace(node, **listed_otherwise)).unchanged()


@pytest.mark.parametrize("what", ["nothing", "link", "fifo", "directory"])
def test_file_that_became_something_else_is_not_opened(source: DirectorySource, tmp_path: Path, what: str) -> None:
    file = tmp_path / "source/file"
    file.write_bytes(b"x")
    node = node_of(source)
    file.unlink()
    (tmp_path / "outside").write_bytes(b"x")
    match what:
        case "link":
            file.symlink_to(tmp_path / "outside")
        case "fifo":
            os.mkfifo(file)
        case "directory":
            file.mkdir()

    with pytest.raises(SourceChangedError) as caught:
        source.open(node)

    assert "file " in str(caught.value)
    assert str(tmp_path) not in str(caught.value)


def test_parent_swapped_for_a_link_does_not_lead_outside(source: DirectorySource, tmp_path: Path) -> None:
    (tmp_path / "source/d").mkdir()
    (tmp_path / "source/d/file").write_bytes(b"inside")
    node = node_of(source, b"d/file")
    (tmp_path / "source/d").rename(tmp_path / "outside")
    (tmp_path / "source/d").symlink_to(tmp_path / "outside")

    with pytest.raises(SourceChangedError):
        source.open(node)

    assert source.again(node) is None


def test_vanished_node_is_none_when_looked_at_again(source: DirectorySource, tmp_path: Path) -> None:
    (tmp_path / "source/file").touch()
    node = node_of(source)
    (tmp_path / "source/file").unlink()

    assert source.again(node) is None


def test_root_can_be_looked_at_again(source: DirectorySource) -> None:
    root = node_of(source, b"")

    assert source.again(root) == root


def test_read_error_of_the_disk_is_unavailable_and_names_no_file(
    source: DirectorySource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "source/file").write_bytes(b"x")
    reader = source.open(node_of(source))

    def fail(*_: object) -> int:
        raise OSError(5, "Input/output error", "file")

    monkeypatch.setattr(os, "preadv", fail)

    with pytest.raises(SourceUnavailableError, match="a file of source test cannot be read: input/output error"):
        reader.readinto(memoryview(bytearray(10)))


def test_readers_leave_no_descriptor_open(tmp_path: Path) -> None:
    (tmp_path / "a/b").mkdir(parents=True)
    (tmp_path / "a/b/file").write_bytes(b"x")
    before = open_descriptors()
    source = DirectorySource(tmp_path, label="test")
    reader = source.open(node_of(source, b"a/b/file"))

    reader.close()
    reader.close()
    source.close()

    assert open_descriptors() == before
