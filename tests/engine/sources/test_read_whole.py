"""Small files that are read at once, or refused for a closer look."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from proofkeep.model import Node
from proofkeep.sources import reading
from proofkeep.sources.directory import DirectorySource
from tests.engine.descriptors import open_descriptors

CONTENT = bytes(range(256)) * 40


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "source/folder/file"
    file.parent.mkdir(parents=True)
    file.write_bytes(CONTENT)
    return file


@pytest.fixture
def source(file: Path) -> DirectorySource:
    return DirectorySource(file.parents[1], label="test")


def node_of(source: DirectorySource) -> Node:
    return next(node for node in source.walk() if node.path == b"folder/file")


@pytest.mark.parametrize("size", [0, 1, 4096, 10_240])
def test_file_as_listed_is_read_whole(source: DirectorySource, file: Path, size: int) -> None:
    file.write_bytes(CONTENT[:size])
    buffer = bytearray(size)

    assert source.read_whole(node_of(source), memoryview(buffer))
    assert buffer == CONTENT[:size]


def grow(file: Path) -> None:
    file.write_bytes(CONTENT + b"more")


def shrink(file: Path) -> None:
    file.write_bytes(CONTENT[:-1])


def touch(file: Path) -> None:
    os.utime(file, ns=(1, 1))


def replace_by_a_file(file: Path) -> None:
    file.rename(file.with_name("kept"))  # or its inode may be the new one's
    file.write_bytes(CONTENT)


def become_a_fifo(file: Path) -> None:
    file.unlink()
    os.mkfifo(file)


def become_a_link(file: Path) -> None:
    file.rename(file.with_name("elsewhere"))
    file.symlink_to("elsewhere")


def become_a_directory(file: Path) -> None:
    file.unlink()
    file.mkdir()


def lose_its_folder(file: Path) -> None:
    file.unlink()
    file.parent.rmdir()


CHANGES = [
    Path.unlink,
    grow,
    shrink,
    touch,
    replace_by_a_file,
    become_a_fifo,
    become_a_link,
    become_a_directory,
    lose_its_folder,
]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_file_that_is_not_as_listed_is_refused(
    source: DirectorySource, file: Path, change: Callable[[Path], object]
) -> None:
    node = node_of(source)
    change(file)
    before = open_descriptors()

    assert not source.read_whole(node, memoryview(bytearray(node.size)))
    source.close()
    assert open_descriptors() <= before


def test_file_that_changes_once_it_was_read_is_refused(
    source: DirectorySource, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    node = node_of(source)
    original = os.readv

    def readv(descriptor: int, buffers: list[memoryview]) -> int:
        count = original(descriptor, buffers)
        os.utime(file, ns=(1, 1))
        return count

    monkeypatch.setattr(os, "readv", readv)

    assert not source.read_whole(node, memoryview(bytearray(node.size)))


def test_file_with_a_hole_is_refused(source: DirectorySource, file: Path) -> None:
    with file.open("wb") as stream:
        stream.truncate(64 << 10)
        stream.seek(32 << 10)
        stream.write(CONTENT)
    node = node_of(source)

    assert not source.read_whole(node, memoryview(bytearray(node.size)))


def test_file_that_only_seems_sparse_is_read_whole(source: DirectorySource, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on filesystems that compress: fewer blocks than bytes, and no hole."""
    buffer = bytearray(len(CONTENT))
    monkeypatch.setattr(reading, "_data_extents", lambda *_: None)
    node = replace(node_of(source))
    original = os.fstat

    def fstat(descriptor: int) -> os.stat_result:
        status = original(descriptor)
        fields = {name: getattr(status, name) for name in dir(status) if name.startswith("st_")}
        return os.stat_result(tuple(status), fields | {"st_blocks": 0})

    monkeypatch.setattr(os, "fstat", fstat)

    assert source.read_whole(node, memoryview(buffer))
    assert buffer == CONTENT


def test_file_behind_a_bad_sector_is_refused(source: DirectorySource, monkeypatch: pytest.MonkeyPatch) -> None:
    node = node_of(source)

    def readv(*_: object) -> int:
        raise OSError(5, "no")

    monkeypatch.setattr(os, "readv", readv)

    assert not source.read_whole(node, memoryview(bytearray(node.size)))
