"""Commands of one user on another's state directory: what root made in the worker's would lock the worker out."""

import os
from pathlib import Path

import pytest

from tests.engine.cli.places import Place
from tests.engine.unprivileged import NOBODY

pytestmark = pytest.mark.requires(root=True)


def tree(root: Path) -> dict[str, tuple[int, int, int]]:
    """Owner, size and time of change of everything in a directory."""
    found = {str(path.relative_to(root)): path.lstat() for path in [root, *root.rglob("*")]}
    return {name: (state.st_uid, state.st_size, state.st_ctime_ns) for name, state in found.items()}


@pytest.fixture
def state(backed_up: Place) -> Path:
    """The state directory of a host that was backed up, by another user."""
    root = backed_up.root / "state"
    for path in [root, *root.rglob("*")]:
        os.chown(path, NOBODY, NOBODY)
    return root


@pytest.mark.parametrize(
    "command",
    [
        "status",
        "status --forget home",
        "abandon " + "00" * 16,
        "resume-transfers",
        "backup",
        "ls latest",
        "restore latest restored",
        "verify",
        "drill",
    ],
)
def test_command_on_another_users_state_directory_is_refused_before_anything_is_written(
    backed_up: Place, state: Path, command: str
) -> None:
    before = tree(state)

    ended = backed_up.run(*command.split(), "--json")

    error = ended.document["error"]
    assert (ended.code, error["code"]) == (1, "state-owner")
    assert error["message"].startswith(f"state directory {state} belongs to user ")
    assert f"(uid {NOBODY}), not to " in error["message"]
    assert tree(state) == before


def test_owner_of_a_state_directory_goes_on_with_it(backed_up: Place) -> None:
    assert backed_up.run("status").code == 0


def test_state_directory_that_is_not_there_yet_is_its_makers(repository: Place) -> None:
    repository.done("backup")

    assert (repository.root / "state").stat().st_uid == os.geteuid()


def test_naming_files_needs_no_state_and_writes_none(backed_up: Place, state: Path) -> None:
    before = tree(state)

    ended = backed_up.run("explain", "00" * 16, "00" * 16, "--json")

    assert ended.document["error"]["code"] == "source-changed"
    assert tree(state) == before
