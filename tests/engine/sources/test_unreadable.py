"""What this user may not read is named as unread, never silently missing."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from proofkeep.errors import SourceUnavailableError
from proofkeep.model import Kind, Node
from proofkeep.sources.directory import DirectorySource
from tests.engine.unprivileged import as_nobody, open_to_everybody


@pytest.fixture
def root() -> Iterator[Path]:
    with open_to_everybody() as scratch:
        yield scratch
        for directory in scratch.glob("*/"):
            directory.chmod(0o700)


def walked_by_nobody(root: Path, *, include: Sequence[str] = (), exclude: Sequence[str] = ()) -> dict[bytes, Node]:
    source = DirectorySource(root, label="test", include=include, exclude=exclude)
    return as_nobody(lambda: {node.path: node for node in source.walk()})


def test_directory_that_may_not_be_listed_is_unread_but_described(root: Path) -> None:
    (root / "closed/inner").mkdir(parents=True)
    (root / "closed").chmod(0)
    (root / "open").touch()

    nodes = walked_by_nobody(root)

    assert list(nodes) == [b"", b"closed", b"open"]
    assert nodes[b"closed"].unread == "source-unavailable"
    assert (nodes[b"closed"].kind, nodes[b"closed"].inode) == (Kind.DIRECTORY, (root / "closed").lstat().st_ino)
    assert nodes[b"open"].unread == ""


def test_names_that_may_not_be_looked_at_are_unread_with_the_kind_of_the_listing(root: Path) -> None:
    (root / "names-only/below").mkdir(parents=True)
    (root / "names-only/file").touch()
    (root / "names-only").chmod(0o444)

    nodes = walked_by_nobody(root)

    unread = {path: node.kind for path, node in nodes.items() if node.unread == "source-unavailable"}
    assert unread == {b"names-only/below": Kind.DIRECTORY, b"names-only/file": Kind.FILE}


def test_unread_directory_that_could_hold_an_include_is_not_dropped(root: Path) -> None:
    (root / "maybe").mkdir()
    (root / "maybe").chmod(0)
    (root / "never").mkdir()
    (root / "never").chmod(0)

    nodes = walked_by_nobody(root, include=["maybe/wanted"])

    assert {path: node.unread for path, node in nodes.items()} == {b"": "", b"maybe": "source-unavailable"}


def test_excluded_directory_that_may_not_be_listed_is_no_matter(root: Path) -> None:
    (root / "closed").mkdir()
    (root / "closed").chmod(0)

    assert list(walked_by_nobody(root, exclude=["closed"])) == [b""]


def test_attribute_that_may_not_be_read_makes_its_file_unread(root: Path) -> None:
    (root / "file").touch()
    os.setxattr(root / "file", "user.own", b"x")
    (root / "file").chmod(0)

    node = walked_by_nobody(root)[b"file"]

    assert (node.unread, node.xattrs) == ("source-unavailable", ())


def test_file_that_may_not_be_opened_is_an_error_without_its_name(root: Path) -> None:
    (root / "payslip").write_bytes(b"x")
    (root / "payslip").chmod(0)

    def read() -> None:
        source = DirectorySource(root, label="test")
        source.open(next(node for node in source.walk() if node.kind is Kind.FILE))

    with pytest.raises(SourceUnavailableError, match="permission denied") as caught:
        as_nobody(read)

    assert "payslip" not in str(caught.value)


def test_root_that_may_not_be_listed_is_unavailable(root: Path) -> None:
    (root / "closed").mkdir()
    (root / "closed").chmod(0o111)

    def walk() -> None:
        list(DirectorySource(root / "closed", label="test").walk())

    with pytest.raises(SourceUnavailableError, match="source test cannot be opened: permission denied"):
        as_nobody(walk)


def test_file_of_another_owner_is_read_without_noatime(root: Path) -> None:
    (root / "file").write_bytes(b"content")
    (root / "file").chmod(0o644)

    def read() -> bytes:
        source = DirectorySource(root, label="test")
        reader = source.open(next(node for node in source.walk() if node.kind is Kind.FILE))
        buffer = bytearray(100)
        return bytes(buffer[: reader.readinto(memoryview(buffer))])

    assert as_nobody(read) == b"content"
