"""Real disks without room, beside the spool's: where a drill writes its evidence, and what this host remembers."""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.engine.cli.places import Place

pytestmark = pytest.mark.requires("mount", "umount", root=True)


@pytest.fixture
def disk() -> Iterator[Callable[[Path, str], None]]:
    """Mounts a disk of a size on a directory."""
    mounted: list[Path] = []

    def mount(place: Path, size: str) -> None:
        place.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "none", place], check=True)
        mounted.append(place)

    yield mount
    for place in mounted:
        subprocess.run(["umount", place], check=True)


def test_evidence_on_a_full_disk_is_said_and_nothing_half_written_is_named(
    repository: Place, disk: Callable[[Path, str], None]
) -> None:
    repository.done("backup")
    disk(repository.root / "small", "8k")
    repository.configure(drill=f'evidence = "{repository.root}/small"')

    ended = repository.run("drill", "--json", "--id", "first")

    assert (ended.code, ended.document["error"]["code"]) == (1, "target-full")
    assert not (repository.root / "small/first").exists()


def test_state_directory_on_a_full_disk_is_not_said_to_be_the_spool(
    repository: Place, disk: Callable[[Path, str], None]
) -> None:
    repository.done("backup")
    disk(repository.root / "small", "16k")
    repository.configure(top=repository.sections[""].replace('"state"', '"small"'))

    ended = repository.run("ls", "latest", "--json")

    assert (ended.code, ended.document["error"]["code"]) == (1, "state-full")
    assert "state directory" in ended.document["error"]["hint"]
