"""A cancelled run ends at once wherever it stands, leaves no thread, and its journal is gone on from."""

import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from pkgutil import resolve_name
from typing import Any
from unittest.mock import patch

import pytest

from proofkeep.backup import drive
from proofkeep.chunking import ChunkSizes
from proofkeep.errors import CancelledError, StoreUnavailableError
from proofkeep.format.header import ObjectType
from proofkeep.slabs import SlabPool
from proofkeep.sources.reading import FileReader
from proofkeep.spool import Spool
from tests.building import OPTIONS, Ground, Host, content, plant, small_frames, small_slabs
from tests.decorating import WatchedStore, watched_host

FILES = 40


@pytest.fixture
def host(scratch: Path) -> Iterator[Host]:
    """A host whose tree needs many slabs, packs and transfers."""
    ground = Ground(scratch / "ground", ChunkSizes(1 << 10, 4 << 10, 16 << 10))
    host = Host(ground, options=replace(OPTIONS, spool_limit=400_000))
    plant(host.source, {f"f{number:02}": content(number, 20_000) for number in range(FILES)})
    before = set(threading.enumerate())
    with small_slabs(), small_frames():
        yield host
    assert set(threading.enumerate()) <= before


def cancelling_at(cancelled: threading.Event, step: str) -> Callable[[str, str, Callable[[], Any]], Any]:
    """Around every step: cancels when the one that begins so is met."""

    def around(operation: str, name: str, call: Callable[[], Any]) -> Any:
        if f"{operation} {name}".startswith(step):
            cancelled.set()
        return call()

    return around


@pytest.mark.parametrize(
    "step",
    [
        "Journal.set_fact source_at",
        "Journal.keep_object keys/",
        "OpenPack.append",
        "Journal.add_pack",
        "put keys/",
        "put packs/",
        "Journal.set_pack_sent",
        "stat packs/",
        "Journal.set_pack_verified",
    ],
)
def test_run_cancelled_at_a_step_ends_and_is_gone_on_from(host: Host, step: str) -> None:
    cancelled, run = threading.Event(), os.urandom(16)
    around = cancelling_at(cancelled, step)
    repository = host.ground.connect(store=WatchedStore(host.ground.store, around))
    with watched_host(around), pytest.raises(CancelledError):
        host.run(run, repository=repository, cancelled=cancelled.is_set)
    assert len(host.ground.packs()) < FILES
    assert host.ground.names("snapshots/") == []

    receipt = host.run(run)

    assert host.ground.read_back(receipt.snapshot) == host.portrait()


@pytest.mark.parametrize("place", ["proofkeep.compression.Compressor.compress", "proofkeep.backup.encrypt.seal_frame"])
def test_run_cancelled_inside_a_stage_ends(host: Host, place: str) -> None:
    cancelled = threading.Event()
    original = resolve_name(place)

    def step(*values: Any, **named: Any) -> Any:
        cancelled.set()
        return original(*values, **named)

    with patch(place, step), pytest.raises(CancelledError):
        host.run(cancelled=cancelled.is_set)

    assert host.ground.names("snapshots/") == []


def test_run_cancelled_in_the_middle_of_a_file_reads_it_no_further(host: Host) -> None:
    cancelled, reads = threading.Event(), []
    original = FileReader.readinto

    def readinto(self: FileReader, buffer: memoryview) -> int:
        reads.append(len(buffer))
        cancelled.set()
        return original(self, buffer[:1000])

    with patch.object(FileReader, "readinto", readinto), pytest.raises(CancelledError):
        host.run(cancelled=cancelled.is_set)

    assert len(reads) == 1


def test_wait_for_a_slab_is_given_up() -> None:
    cancelled = threading.Event()
    pool = SlabPool(cancelled.is_set, count=1, size=10)
    pool.acquire(ObjectType.CONTENT_PACK)

    cancelled.set()

    with pytest.raises(CancelledError):
        pool.acquire(ObjectType.CONTENT_PACK)


def test_wait_for_a_slab_is_given_up_when_nobody_takes_them_any_more() -> None:
    pool = SlabPool(lambda: False, count=1, size=10)
    pool.acquire(ObjectType.CONTENT_PACK)

    pool.close()

    with pytest.raises(CancelledError):
        pool.acquire(ObjectType.CONTENT_PACK)


def test_wait_for_spool_space_is_given_up(tmp_path: Path) -> None:
    cancelled = threading.Event()
    spool = Spool(tmp_path / "spool", 100, cancelled.is_set)
    spool.reserve(80, lambda: None)

    cancelled.set()

    with pytest.raises(CancelledError):
        spool.reserve(80, lambda: None)


def test_wait_between_two_attempts_is_given_up(host: Host) -> None:
    cancelled, waits = threading.Event(), []

    def refuse(operation: str, name: str, call: Callable[[], Any]) -> Any:
        if operation == "put":
            raise StoreUnavailableError(f"object {name}: store is away")
        return call()

    def wait(seconds: float) -> None:
        waits.append(seconds)
        cancelled.set()

    repository = host.ground.connect(store=WatchedStore(host.ground.store, refuse))
    opened = host.backup(repository=repository, cancelled=cancelled.is_set, spool_limit=8 << 20)
    with opened as backup, pytest.raises(CancelledError):
        drive(backup, wait=wait)

    assert len(waits) <= 2


def test_cancelled_before_it_began_does_nothing(host: Host) -> None:
    with pytest.raises(CancelledError):
        host.run(cancelled=lambda: True)

    assert host.ground.names("packs/") == []
