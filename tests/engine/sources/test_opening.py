"""A walk that looks at regular files by opening them: the same nodes, and content that belongs to them."""

import os
import stat
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from proofkeep.model import Kind, Node
from proofkeep.sources.directory import DirectorySource
from tests.engine.descriptors import open_descriptors
from tests.engine.unprivileged import as_nobody, open_to_everybody


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "source"
    (root / "folder").mkdir(parents=True)
    for name in ("folder/a", "folder/b", "last"):
        (root / name).write_bytes(name.encode())
    os.setxattr(root / "folder/a", "user.note", b"kept")
    (root / "link").symlink_to("last")
    os.mkfifo(root / "pipe")
    return root


def content(source: DirectorySource, node: Node) -> bytes | None:
    buffer = bytearray(node.size)
    return bytes(buffer) if source.read_whole(node, memoryview(buffer)) else None


def nodes(root: Path, *, opening: bool) -> list[Node]:
    source = DirectorySource(root, label="test", opening=opening)
    return [replace(node, settled=False) for node in source.walk()]


def test_nodes_are_those_of_a_walk_that_looks_by_name(root: Path) -> None:
    assert nodes(root, opening=True) == nodes(root, opening=False)


def test_only_what_was_listed_as_a_regular_file_is_opened(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened, original = [], os.open

    def watched(path: Any, flags: int, *how: Any, **where: Any) -> int:
        if flags & os.O_NONBLOCK:
            opened.append(path)
        return original(path, flags, *how, **where)

    monkeypatch.setattr(os, "open", watched)
    nodes(root, opening=True)

    assert opened == [b"a", b"b", b"last"]


def test_content_is_that_of_the_file_that_was_described_whatever_its_name_means_by_now(root: Path) -> None:
    source = DirectorySource(root, label="test", opening=True)
    (root / "other").write_bytes(b"other")
    read = {}
    for node in source.walk():
        if node.path == b"folder/a":
            (root / "other").replace(root / "folder/a")
        if node.kind is Kind.FILE:
            read[node.path] = content(source, node)

    assert read.pop(b"folder/a") in {b"folder/a", None}  # ext4 may count losing its name as a change
    assert read == {b"folder/b": b"folder/b", b"last": b"last"}


def test_file_changed_since_it_was_described_is_refused(root: Path) -> None:
    source = DirectorySource(root, label="test", opening=True)
    for node in source.walk():
        if node.path == b"last":
            (root / "last").write_bytes(b"more than before")

            assert content(source, node) is None


@pytest.mark.parametrize("become", [os.mkfifo, os.mkdir, lambda file: file.symlink_to("folder/b")])
def test_file_that_became_something_else_is_what_its_name_says(root: Path, become: Any) -> None:
    source = DirectorySource(root, label="test", opening=True)
    walk = source.walk()
    next(walk)
    (root / "last").unlink()
    become(root / "last")

    last = next(node for node in walk if node.path == b"last")

    assert last.kind is not Kind.FILE


def test_file_that_vanished_is_counted(root: Path) -> None:
    source = DirectorySource(root, label="test", opening=True)
    walk = source.walk()
    next(walk)
    (root / "last").unlink()

    assert b"last" not in {node.path for node in walk}
    assert source.vanished == 1


def test_no_file_stays_open(root: Path) -> None:
    before = open_descriptors()
    source = DirectorySource(root, label="test", opening=True)
    list(source.walk())
    abandoned = source.walk()
    next(node for node in abandoned if node.path == b"folder/a")
    abandoned.close()  # type: ignore[attr-defined] # a generator

    assert open_descriptors() <= before


def test_file_that_cannot_be_looked_at_once_it_is_open_is_looked_at_by_name(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = nodes(root, opening=False)
    original = os.fstat

    def fstat(descriptor: int) -> os.stat_result:
        status = original(descriptor)
        if stat.S_ISREG(status.st_mode):
            raise OSError(5, "no")
        return status

    with monkeypatch.context() as patched:
        patched.setattr(os, "fstat", fstat)
        found = nodes(root, opening=True)

    assert found == expected


def test_files_of_another_owner_are_walked_and_read_as_well() -> None:
    with open_to_everybody() as scratch:
        (scratch / "file").write_bytes(b"somebody's")
        (scratch / "closed").write_bytes(b"")
        (scratch / "closed").chmod(0o000)

        def walked() -> dict[bytes, bytes | None]:
            source = DirectorySource(scratch, label="test", opening=True)
            return {node.path: content(source, node) for node in source.walk() if node.kind is Kind.FILE}

        assert as_nobody(walked)[b"file"] == b"somebody's"
