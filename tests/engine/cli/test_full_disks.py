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
    backed_up: Place, disk: Callable[[Path, str], None]
) -> None:
    disk(backed_up.root / "small", "8k")
    backed_up.configure(drill=f'evidence = "{backed_up.root}/small"')

    ended = backed_up.run("drill", "--json", "--id", "first")

    assert (ended.code, ended.document["error"]["code"]) == (1, "target-full")
    assert not (backed_up.root / "small/first").exists()


def test_state_directory_on_a_full_disk_is_not_said_to_be_the_spool(
    backed_up: Place, disk: Callable[[Path, str], None]
) -> None:
    disk(backed_up.root / "small", "16k")
    backed_up.configure(top=backed_up.sections[""].replace('"state"', '"small"'))

    ended = backed_up.run("ls", "latest", "--json")

    assert (ended.code, ended.document["error"]["code"]) == (1, "state-full")
    assert "state directory" in ended.document["error"]["hint"]
