"""A few slabs are enough for any tree: the stages never wait for each other in a circle."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from unittest.mock import patch

import pytest

from proofkeep.backup.known import Known
from proofkeep.chunking import ChunkSizes
from proofkeep.errors import CancelledError
from proofkeep.format.header import ObjectType
from proofkeep.slabs import Piece, SlabPool, slabs_for
from tests.building import OPTIONS, Ground, Host, content, plant, small_frames

SLAB = 64 << 10


@pytest.fixture
def host(scratch: Path) -> Iterator[Host]:
    """Chunks as large as a slab, segments cut after a few rows."""
    ground = Ground(scratch / "ground", ChunkSizes(1 << 10, 4 << 10, SLAB))
    with (
        patch("proofkeep.backup.segments.LEAST", 2_000),
        patch("proofkeep.backup.segments.MOST", 20_000),
        small_frames(8_000),
    ):
        yield Host(ground, options=replace(OPTIONS, spool_limit=64 << 20))


SHAPES: dict[str, dict[str, bytes]] = {
    "tiny files": {f"{number:04}": b"%d" % number for number in range(1500)},
    "chunks that fill a slab": {"zeros": bytes(20 * SLAB), "ones": b"\1" * (7 * SLAB + 1)},
    "large files": {f"{number}": content(number, 5 * SLAB) for number in range(6)},
    "all of them": {f"{number:03}": content(number, number * 9) for number in range(0, 600, 3)}
    | {"z": bytes(9 * SLAB)},
}


@pytest.mark.timeout(60)
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("workers", [1, 4])
@pytest.mark.parametrize("fewest", [True, False])
def test_chain_goes_on_to_its_end(host: Host, shape: str, workers: int, *, fewest: bool) -> None:
    """Beside the fewest, the content's and the manifest's and one a worker in `compress`, there is no other."""
    plant(host.source, SHAPES[shape])
    count = workers + 2 if fewest else slabs_for(workers)

    with (
        patch("proofkeep.backup.run.SlabPool", partial(SlabPool, size=SLAB)),
        patch("proofkeep.backup.run.slabs_for", lambda _: count),
    ):
        receipt = host.run(workers=workers)

    assert host.ground.restored(receipt.snapshot)[0] == host.portrait()


def test_slabs_are_made_up_to_their_number_and_reused() -> None:
    pool = SlabPool(lambda: False, count=2, size=100)
    first, second = pool.acquire(ObjectType.CONTENT_PACK), pool.acquire(ObjectType.SEGMENT_PACK)
    first.pieces.append(Piece(b"id", 0, 10))

    pool.release(first)
    again = pool.acquire(ObjectType.SEGMENT_PACK)

    assert again is first
    assert (again.type, again.pieces) == (ObjectType.SEGMENT_PACK, [])
    assert second is not first


def test_who_waits_for_a_slab_gets_the_next_one_given_back() -> None:
    pool = SlabPool(lambda: False, count=1, size=100)
    slab = pool.acquire(ObjectType.CONTENT_PACK)

    with ThreadPoolExecutor(1) as waiting:
        future = waiting.submit(pool.acquire, ObjectType.CONTENT_PACK)
        pool.release(slab)

        assert future.result(timeout=60) is slab


def test_pool_keeps_no_slab_that_comes_back_after_its_end() -> None:
    pool = SlabPool(lambda: False, count=2, size=100)
    early, late = pool.acquire(ObjectType.CONTENT_PACK), pool.acquire(ObjectType.CONTENT_PACK)
    pool.release(early)

    pool.close()
    pool.release(late)

    with pytest.raises(CancelledError):
        pool.acquire(ObjectType.CONTENT_PACK)


def test_slab_of_tiny_files_ends_with_their_number(host: Host) -> None:
    plant(host.source, SHAPES["tiny files"])
    seen: list[int] = []

    def keep(_: Known, pieces: list[Piece]) -> list[Piece]:
        seen.append(len(pieces))
        return pieces

    with patch("proofkeep.backup.reading.MOST_PIECES", 200), patch.object(Known, "keep_new", keep):
        receipt = host.run()

    assert max(seen) == 200
    assert host.ground.restored(receipt.snapshot)[0] == host.portrait()
