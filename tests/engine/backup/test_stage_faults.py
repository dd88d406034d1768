"""A stage that fails says so itself, and the others end quietly, with nothing left behind."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from pkgutil import resolve_name
from typing import Any
from unittest.mock import patch

import pytest

from proofkeep.backup import Backup
from proofkeep.backup.items import Stopped
from proofkeep.chunking import ChunkSizes
from proofkeep.errors import PipelineError, SourceUnavailableError, SpoolFullError, StreamEndedEarlyError
from proofkeep.model import Node
from proofkeep.sources.directory import DirectorySource
from tests.building import OPTIONS, Ground, Host, content, plant, plant_some, small_frames, small_slabs
from tests.engine.backup.stages import QUIETLY, Stages, without_end, without_first


@pytest.fixture
def host(scratch: Path) -> Iterator[Host]:
    """A host whose tree needs many slabs."""
    ground = Ground(scratch / "ground", ChunkSizes(1 << 10, 4 << 10, 16 << 10))
    host = Host(ground, options=replace(OPTIONS, spool_limit=64 << 20))
    plant_some(host.source)
    plant(host.source, {f"many/{number:02}": content(1000 + number, 20_000) for number in range(40)})
    before = set(threading.enumerate())
    with small_slabs(), small_frames():
        yield host
    assert set(threading.enumerate()) <= before


class FailingSource(DirectorySource):
    """Breaks off in the middle of its walk."""

    def walk(self, *, reading: bool = False) -> Iterator[Node]:
        for number, node in enumerate(super().walk(reading=reading)):
            if number == 40:
                raise SourceUnavailableError("source is gone")
            yield node


def failing_at(place: str, call: int, error: BaseException) -> Any:
    """The function at `place` raises at one of its calls, from 1."""
    calls = iter(range(1, 10_000))
    module, _, name = place.rpartition(".")
    original = getattr(resolve_name(module), name)

    def function(*values: Any, **named: Any) -> Any:
        if next(calls) == call:
            raise error
        return original(*values, **named)

    return patch(place, function)


def assert_next_attempt_completes(host: Host, backup: Backup) -> None:
    assert host.ground.names("snapshots/") == []
    receipt = host.run(backup.identity.run)
    assert host.ground.read_back(receipt.snapshot) == host.portrait()
    assert {len(places) for places in host.ground.second_reader().places.values()} == {1}


def test_fault_in_snapshot_is_its_own(host: Host) -> None:
    with host.backup(source=FailingSource(host.source, label="failing")) as backup:
        stages = Stages(backup)

    assert isinstance(stages.ended["snapshot"], SourceUnavailableError)
    assert (stages.ended["compress"], stages.ended["encrypt"], stages.error) == (QUIETLY, QUIETLY, None)
    assert stages.result == Stopped(stages.ended["snapshot"])
    assert_next_attempt_completes(host, backup)


@pytest.mark.parametrize("call", [1, 2, 5])
def test_fault_in_compress_is_its_own(host: Host, call: int) -> None:
    fault = PipelineError("compressor broke")
    with host.backup() as backup, failing_at("proofkeep.backup.compress.compress_slab", call, fault):
        stages = Stages(backup)

    assert stages.ended == {"snapshot": QUIETLY, "compress": fault, "encrypt": QUIETLY}
    assert stages.result == Stopped(fault)
    assert_next_attempt_completes(host, backup)


@pytest.mark.parametrize("call", [1, 9, 60])
def test_fault_in_encrypt_is_its_own(host: Host, call: int) -> None:
    fault = PipelineError("cipher broke")
    with host.backup() as backup, failing_at("proofkeep.backup.encrypt.seal_frame", call, fault):
        stages = Stages(backup)

    assert stages.ended == {"snapshot": QUIETLY, "compress": QUIETLY, "encrypt": fault}
    assert stages.result == Stopped(fault)
    assert_next_attempt_completes(host, backup)


@pytest.mark.parametrize("call", [1, 9, 60])
def test_fault_in_checksum_is_its_own(host: Host, call: int) -> None:
    fault = SpoolFullError("disk broke")
    with host.backup() as backup, failing_at("proofkeep.spool.OpenPack.append", call, fault):
        stages = Stages(backup)

    assert stages.ended == {"snapshot": QUIETLY, "compress": QUIETLY, "encrypt": QUIETLY}
    assert stages.error is fault
    assert_next_attempt_completes(host, backup)


@pytest.mark.parametrize("stage, consumer", [("snapshot", "compress"), ("compress", "encrypt")])
def test_stream_that_ends_early_fails_the_stage_that_waits_for_its_end(host: Host, stage: str, consumer: str) -> None:
    with host.backup() as backup:
        stages = Stages(backup, **{stage: without_end})

        with pytest.raises(StreamEndedEarlyError):
            backup.commit()

    assert isinstance(stages.ended[consumer], StreamEndedEarlyError)
    assert isinstance(stages.result, Stopped)
    assert_next_attempt_completes(host, backup)


def test_stream_that_ends_early_before_the_sink_fails_the_sink(host: Host) -> None:
    with host.backup() as backup:
        stages = Stages(backup, encrypt=without_end)

    assert isinstance(stages.error, StreamEndedEarlyError)
    assert_next_attempt_completes(host, backup)


@pytest.mark.parametrize("stage", ["snapshot", "compress", "encrypt"])
def test_item_lost_between_two_stages_is_noticed(host: Host, stage: str) -> None:
    with host.backup() as backup:
        stages = Stages(backup, **{stage: without_first})

        assert backup.needs_sealing
        with pytest.raises(StreamEndedEarlyError):
            backup.commit()

    assert isinstance(stages.error, StreamEndedEarlyError)
    assert host.ground.names("snapshots/") == []


def test_exhausted_stream_is_no_empty_backup(host: Host) -> None:
    with host.backup() as backup:
        stages = Stages(backup, encrypt=lambda _: iter(()))

    assert isinstance(stages.error, StreamEndedEarlyError)
    assert host.ground.names("snapshots/") == []
