"""A real disk without room, for the spool alone and for everything this host keeps."""

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from proofkeep.backup import drive
from proofkeep.chunking import ChunkSizes
from proofkeep.errors import SpoolFullError, StateFullError
from tests.building import NO_WAIT, OPTIONS, Ground, Host, content, plant, small_frames
from tests.decorating import WatchedStore
from tests.disks import enlarge, small_disk
from tests.engine.spool.test_spool import away

pytestmark = pytest.mark.requires("mount", "umount", root=True)
ROOM = "64m"


@pytest.fixture
def host(scratch: Path) -> Iterator[Host]:
    host = Host(
        Ground(scratch / "ground", ChunkSizes(1 << 10, 4 << 10, 16 << 10)),
        options=replace(OPTIONS, spool_limit=32 << 20),
    )
    plant(host.source, {f"f{number:02}": content(number, 20_000) for number in range(40)})
    with small_frames():
        yield host


def test_what_is_sealed_leaves_a_disk_that_is_smaller_than_a_transfer(host: Host) -> None:
    run = os.urandom(16)
    with small_disk(host.state.run(run) / "spool", "256k"), host.backup(run) as backup:
        receipt = drive(backup, wait=NO_WAIT)
        transfers = backup.transfers()

    assert receipt.totals["stored"] > 3 * (256 << 10)
    assert 3 <= len(transfers) < receipt.packs / 2
    assert host.ground.read_back(receipt.snapshot) == host.portrait()


def test_store_that_is_away_ends_the_run_on_a_nearly_full_disk_with_its_own_code(host: Host) -> None:
    run = os.urandom(16)
    repository = host.ground.connect(store=WatchedStore(host.ground.store, away))

    with (
        small_disk(host.state.run(run) / "spool", "256k"),
        host.backup(run, repository=repository) as backup,
        pytest.raises(SpoolFullError, match="nothing leaves it: store-unavailable"),
    ):
        drive(backup, wait=NO_WAIT)


def test_spool_on_a_full_disk_ends_the_run_and_a_retry_with_room_completes(host: Host) -> None:
    run = os.urandom(16)
    spool = host.state.run(run) / "spool"
    with small_disk(spool, "16k"):
        with pytest.raises(StateFullError, match=f"^disk of spool {spool} is full$"):
            host.run(run)
        enlarge(spool, ROOM)

        receipt = host.run(run)

    assert host.ground.read_back(receipt.snapshot) == host.portrait()
    assert {len(places) for places in host.ground.second_reader().places.values()} == {1}


@pytest.mark.parametrize("size", ["64k", "224k", "640k"])
def test_state_directory_on_a_full_disk_ends_the_run_and_a_retry_with_room_completes(host: Host, size: str) -> None:
    run = os.urandom(16)
    with small_disk(host.state_root, size):
        with pytest.raises(SpoolFullError):
            host.run(run)
        assert host.ground.names("snapshots/") == []
        enlarge(host.state_root, ROOM)

        receipt = host.run(run)

    assert host.ground.read_back(receipt.snapshot) == host.portrait()
    assert host.ground.findings() == []
