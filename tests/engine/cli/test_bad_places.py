"""Directories that cannot serve: each is refused with code and hint, and nothing is left in them."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.engine.cli.places import Place, refused


def test_occupied_target_is_left_as_it_is(backed_up: Place) -> None:
    target = backed_up.root / "restored"
    target.mkdir()
    (target / "precious").write_bytes(b"precious")

    ended = backed_up.run("restore", "latest", target, "--json")

    assert (ended.code, ended.document["error"]["code"]) == (1, "target")
    assert [path.name for path in target.iterdir()] == ["precious"]
    assert not [path for path in backed_up.root.iterdir() if path.name.startswith(".restored")]


@pytest.mark.parametrize("own", ["store", "store/packs", "ledger", "state"])
def test_target_in_a_directory_of_the_repository_is_refused(backed_up: Place, own: str) -> None:
    ended = backed_up.run("restore", "latest", f"{own}/restored", "--json")

    assert (ended.code, ended.document["error"]["code"]) == (1, "target")
    assert "lies in the repository's own directory" in ended.err
    assert not list(backed_up.root.rglob("*restored*"))


@pytest.mark.parametrize("own", ["store/packs", "ledger", "state"])
def test_source_in_a_directory_of_the_repository_is_refused(backed_up: Place, own: str) -> None:
    backed_up.configure(source=f'root = "{own}"')

    refused(backed_up.run("backup", "--json"), "policy")


OF_ATTEMPTS = {"attempted", "attempts", "history.sqlite", "history.sqlite-wal", "history.sqlite-shm"}
"""What `status` tells of a command that was refused; nothing in them is of a repository."""


@pytest.mark.parametrize("section,code", [("store", "repository-missing"), ("ledger", "ledger-missing")])
@pytest.mark.parametrize("command", ["backup", "snapshots", "verify"])
def test_mistyped_directory_is_not_made(repository: Place, section: str, code: str, command: str) -> None:
    repository.configure(**{section: 'kind = "local"\npath = "mistyped"'})

    refused(repository.run(command, "--json"), code)
    assert not (repository.root / "mistyped").exists()
    state = repository.root / "state"
    assert {path.name for path in state.glob("*")} <= OF_ATTEMPTS


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    subprocess.run(["mount", "--bind", folder, folder], check=True)
    try:
        subprocess.run(["mount", "-o", "remount,ro,bind", folder], check=True)
        yield
    finally:
        subprocess.run(["umount", folder], check=True)


@pytest.mark.requires("mount", "umount", root=True)
@pytest.mark.parametrize("command", [("backup",), ("verify",), ("restore", "latest", "restored")])
def test_state_directory_that_cannot_be_written(backed_up: Place, command: tuple[str, ...]) -> None:
    with read_only(backed_up.root / "state"):
        ended = backed_up.run(*command, "--json")

    assert (ended.code, ended.document["error"]["code"]) == (1, "state")
    assert "unexpected" not in ended.err
    assert not (backed_up.root / "restored").exists()
    assert len(list((backed_up.root / "store").glob("snapshots/*/*/*"))) == 1


@pytest.mark.parametrize("file", ["heads.json", "writer", "closing.json", "index-number"])
@pytest.mark.parametrize("content", [b"", b"garbage", b'{"ff": 1}', bytes(100)])
def test_malformed_file_of_the_state_directory_is_named_and_can_be_moved_away(
    backed_up: Place, file: str, content: bytes
) -> None:
    (folder,) = (backed_up.root / "state").glob("*/runs/..")
    path = folder / file
    path.write_bytes(content)
    (backed_up.source / "new").write_bytes(os.urandom(100))  # only what is new needs an index object

    ended = backed_up.run("backup", "--json")
    path.unlink()

    assert (ended.code, ended.document["error"]["code"]) == (1, "state")
    assert f"file {file} of the state directory is malformed" in ended.err
    backed_up.done("backup")


@pytest.mark.parametrize("path", ["folder/small", "./folder/small", "/folder//small/"])
def test_path_may_be_spelled_in_several_ways(backed_up: Place, path: str) -> None:
    listed = backed_up.run("ls", "latest", path, "--json").document["rows"]
    backed_up.done("restore", "latest", "restored", "--path", path)

    assert [row["path"] for row in listed] == ["folder/small"]
    assert [each.name for each in (backed_up.root / "restored").rglob("*") if each.is_file()] == ["small"]
