"""Packs become durable behind the stream, in order, and none after one that failed."""

import threading
from pathlib import Path

import pytest

from proofkeep.backup.items import PackDraft
from proofkeep.backup.settling import Settling
from proofkeep.errors import SpoolFullError
from proofkeep.format.header import ObjectType
from proofkeep.format.names import PackId
from proofkeep.spool import OpenPack, Spool


class Disk:
    """Finishes packs, where it is let; the numbered one fails."""

    def __init__(self, failing: int = -1) -> None:
        self.failing = failing
        self.proceed = threading.Event()
        self.finished: list[int] = []

    def finish(self, draft: PackDraft, pack: OpenPack) -> None:
        self.proceed.wait(60)
        if draft.id.counter == self.failing:
            raise SpoolFullError("spool's disk is full")
        pack.finish()
        self.finished.append(draft.id.counter)


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return Spool(tmp_path / "spool", 1 << 20, lambda: False)


def add(settling: Settling, spool: Spool, counter: int) -> None:
    pack = PackId(bytes(16), bytes(16), counter)
    settling.add(PackDraft(pack, ObjectType.CONTENT_PACK, b""), OpenPack(spool, pack))


def open_parts() -> list[str]:
    """Files that grow in a spool and that this process still holds open."""
    held = [link.resolve() for link in Path("/proc/self/fd").iterdir()]
    return [file.name for file in held if file.suffix in {".part", ".pack"}]


def test_packs_are_finished_in_order_while_the_next_are_sealed(spool: Spool) -> None:
    disk = Disk()
    settling = Settling(disk.finish)

    for counter in range(5):
        add(settling, spool, counter)
    before = list(disk.finished)
    disk.proceed.set()
    settling.wait()
    settling.close()

    assert (before, disk.finished) == ([], [0, 1, 2, 3, 4])
    assert open_parts() == []


def test_none_is_finished_after_one_that_failed_and_the_error_is_told(spool: Spool) -> None:
    disk = Disk(failing=1)
    settling = Settling(disk.finish)
    for counter in range(4):
        add(settling, spool, counter)
    disk.proceed.set()

    with pytest.raises(SpoolFullError):
        settling.wait()
    settling.close()

    assert isinstance(settling.failure, SpoolFullError)
    assert disk.finished == [0]
    assert open_parts() == []


def test_whatever_ends_the_stream_leaves_what_was_sealed_durable(spool: Spool) -> None:
    disk = Disk()
    settling = Settling(disk.finish)
    for counter in range(3):
        add(settling, spool, counter)
    disk.proceed.set()

    settling.close()

    assert disk.finished == [0, 1, 2]
