"""The process dies at any step of a run, and its catalog with it: the next attempt finds truth without it."""

import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from proofkeep.errors import StateDamagedError
from tests.building import Host
from tests.decorating import Crash, Fuse
from tests.scenarios.test_crash_points import EVERY, MOST_STEPS, attempt, attempt_again, planted


def lose(file: Path) -> None:
    for part in file.parent.glob(f"{file.name}*"):
        part.unlink()


def rot(file: Path) -> None:
    """Turn every bit of a page in the middle of the file."""
    if file.exists():
        whole = bytearray(file.read_bytes())
        place = len(whole) // 2
        whole[place : place + 4096] = bytes(byte ^ 0xFF for byte in whole[place : place + 4096])
        file.write_bytes(whole)


@pytest.mark.parametrize("harm", [lose, rot])
@pytest.mark.parametrize("every", [EVERY, pytest.param(1, marks=pytest.mark.soak)])
def test_next_attempt_commits_after_a_crash_that_cost_the_catalog(
    scratch: Path, every: int, harm: Callable[[Path], None]
) -> None:
    for last in range(1, MOST_STEPS, every):
        host, fuse, run = planted(scratch / str(last)), Fuse(last), os.urandom(16)
        with suppress(Crash):
            attempt(host, run, fuse)
        harm(host.state.catalog_file)

        receipt = attempt_again(host, run, StateDamagedError)  # rot may be met in the middle of a run

        crash = fuse.log[-1]
        assert len(host.ground.snapshots()) == 2, crash
        assert host.ground.read_back(receipt.snapshot) == host.portrait(), crash
        assert attempt_again(host, os.urandom(16), StateDamagedError).totals["new_chunks"] == 0, crash
        assert host.ground.findings() == [], crash
        assert_stored_once(host, crash)
        shutil.rmtree(scratch / str(last))
        if not fuse.blown:
            break
    assert not fuse.blown, "the run has more steps than were tried"


def assert_stored_once(host: Host, crash: str) -> None:
    """No chunk lies in two packs."""
    assert {len(places) for places in host.ground.second_reader().places.values()} == {1}, crash
