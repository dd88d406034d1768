import os
import shutil
import socket
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from infra.demo.comparison import Comparison, compare
from infra.demo.tree import MIB, generate

DATE = 1_700_000_000_123_456_789


def make(root: Path) -> Path:
    (root / "d/e").mkdir(parents=True)
    (root / "d/file").write_bytes(b"content")
    (root / "d/other").write_bytes(b"content")
    (root / "d/e/one").write_bytes(b"shared")
    (root / "d/e/two").hardlink_to(root / "d/e/one")
    (root / "link").symlink_to("d/file")
    for path in [*root.rglob("*"), root]:
        os.utime(path, ns=(DATE, DATE), follow_symlinks=False)
    return root


def dated(path: Path) -> None:
    os.utime(path, ns=(DATE, DATE), follow_symlinks=False)


@pytest.fixture
def trees(tmp_path: Path) -> tuple[Path, Path]:
    return make(tmp_path / "source"), make(tmp_path / "restored")


def compared(trees: tuple[Path, Path], *ignored: bytes) -> Comparison:
    source, restored = trees
    return compare(os.fsencode(source), os.fsencode(restored), since_ns=time.time_ns(), ignored=frozenset(ignored))


def flip(root: Path) -> None:
    (root / "d/file").write_bytes(b"cOntent")
    dated(root / "d/file")


def touch_by_one_nanosecond(root: Path) -> None:
    os.utime(root / "d/file", ns=(DATE, DATE + 1))


def point_elsewhere(root: Path) -> None:
    (root / "link").unlink()
    (root / "link").symlink_to("d/fil3")
    dated(root / "link")
    dated(root)


def split_links(root: Path) -> None:
    (root / "d/e/two").unlink()
    (root / "d/e/two").write_bytes(b"shared")
    dated(root / "d/e/two")
    dated(root / "d/e")


def join_files(root: Path) -> None:
    (root / "d/other").unlink()
    (root / "d/other").hardlink_to(root / "d/file")
    dated(root / "d")


def become_a_folder(root: Path) -> None:
    (root / "d/file").unlink()
    (root / "d/file").mkdir()
    dated(root / "d")


def go(root: Path) -> None:
    (root / "d/file").unlink()
    dated(root / "d")


def appear(root: Path) -> None:
    (root / "d/new").touch()
    dated(root / "d")


def shrink(root: Path) -> None:
    os.truncate(root / "d/file", 3)
    dated(root / "d/file")


HARM: dict[str, tuple[Callable[[Path], None], dict[bytes, str]]] = {
    "content": (flip, {b"d/file": "differs in content"}),
    "size": (shrink, {b"d/file": "differs in size, content"}),
    "mtime": (touch_by_one_nanosecond, {b"d/file": "differs in mtime"}),
    "mode": (lambda root: (root / "d/file").chmod(0o611), {b"d/file": "differs in mode"}),
    "mode of the root": (lambda root: root.chmod(0o711), {b"": "differs in mode"}),
    "link target": (point_elsewhere, {b"link": "differs in link target"}),
    "hardlink split": (split_links, {b"d/e/two": "differs in hardlinks"}),
    "files made one": (join_files, {b"d/other": "differs in hardlinks"}),
    "kind": (become_a_folder, {b"d/file": "is of another kind"}),
    "missing": (go, {b"d/file": "is missing from the restored tree"}),
    "too many": (appear, {b"d/new": "is in the restored tree only"}),
}


def test_a_tree_is_identical_with_its_twin(trees: tuple[Path, Path]) -> None:
    found = compared(trees)

    assert found.identical
    assert (found.nodes, found.files, found.bytes) == (8, 4, 7 + 7 + 6 + 6)


@pytest.mark.parametrize("harm", HARM)
def test_every_harm_is_seen_and_nothing_else(trees: tuple[Path, Path], harm: str) -> None:
    change, expected = HARM[harm]
    change(trees[1])

    found = compared(trees)

    assert {each.path: each.what for each in found.differences} == expected
    assert not found.identical


@pytest.mark.requires(root=True)
def test_another_owner_is_seen(trees: tuple[Path, Path]) -> None:
    os.chown(trees[1] / "link", 1234, 1234, follow_symlinks=False)

    assert [each.what for each in compared(trees).differences] == ["differs in owner"]


def test_another_attribute_is_seen(trees: tuple[Path, Path]) -> None:
    os.setxattr(trees[1] / "d", "user.note", b"1")

    assert [each.what for each in compared(trees).differences] == ["differs in attributes"]


def test_sockets_are_counted_and_not_missed(trees: tuple[Path, Path]) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(trees[0] / "sock"))
        dated(trees[0])

        found = compared(trees)

    assert (found.left_out, found.identical) == (1, True)


def test_names_of_one_symlink_or_fifo_may_have_one_each(trees: tuple[Path, Path]) -> None:
    for root, make in zip(trees, (os.link, None), strict=True):
        (root / "one").symlink_to("nowhere")
        os.mkfifo(root / "pipe")
        if make:
            make(root / "one", root / "other", follow_symlinks=False)
            make(root / "pipe", root / "pipe too")
        else:
            (root / "other").symlink_to("nowhere")
            os.mkfifo(root / "pipe too")
        dated(root)
        for name in ("one", "other", "pipe", "pipe too"):
            dated(root / name)

    found = compared(trees)

    assert (found.parted, found.identical) == (2, True)


def test_symlinks_made_one_are_seen(trees: tuple[Path, Path]) -> None:
    for root in trees:
        (root / "one").symlink_to("nowhere")
        dated(root / "one")
    (trees[0] / "other").symlink_to("nowhere")
    dated(trees[0] / "other")
    os.link(trees[1] / "one", trees[1] / "other", follow_symlinks=False)
    for root in trees:
        dated(root)

    assert [(each.path, each.what) for each in compared(trees).differences] == [(b"other", "differs in hardlinks")]


def test_what_was_not_backed_up_is_not_missed(trees: tuple[Path, Path]) -> None:
    shutil.rmtree(trees[1] / "d/e")
    dated(trees[1] / "d")

    assert compared(trees, b"d/e").identical


def test_an_absent_restore_is_not_identical(trees: tuple[Path, Path]) -> None:
    shutil.rmtree(trees[1])

    assert not compared(trees).identical


def test_generated_tree_is_the_same_each_time(tmp_path: Path) -> None:
    for name in ("source", "restored"):
        generate(tmp_path / name, size=2 * MIB)

    found = compared((tmp_path / "source", tmp_path / "restored"))

    assert found.differences == []
    assert found.files > 50


def test_what_changed_in_the_source_meanwhile_is_told_apart(trees: tuple[Path, Path]) -> None:
    source, restored = map(os.fsencode, trees)
    since_ns = time.time_ns() - 1
    (trees[0] / "d/file").write_bytes(b"changed")
    (trees[0] / "link").unlink()
    os.utime(trees[1] / "d/e/one", ns=(1, 1))

    found = compare(source, restored, since_ns=since_ns)

    what = {each.path for each in found.differences}
    assert what == {b"", b"d/file", b"link", b"d/e/one", b"d/e/two"}
    assert found.moved == len(what) - len({b"d/e/one", b"d/e/two"})
    assert compare(source, restored, since_ns=time.time_ns() + 10**9).moved == 0
