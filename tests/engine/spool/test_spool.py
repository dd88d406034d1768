"""The spool: room is waited for, given back, and never exceeded."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace as with_options
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from proofkeep.backup import drive
from proofkeep.chunking import ChunkSizes
from proofkeep.errors import CancelledError, SpoolFullError, StoreDeniedError, StoreUnavailableError
from proofkeep.format.names import PackId
from proofkeep.spool import OpenPack, Spool
from tests.building import NO_WAIT, OPTIONS, Ground, Host, content, plant, small_frames
from tests.decorating import WatchedStore, watched_host

LIMIT = 400_000
PACK = PackId(bytes(16), bytes(16), 0)


def never() -> bool:
    return False


def nothing() -> None:
    return None


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return Spool(tmp_path / "spool", 1000, never)


def fill(spool: Spool, pack: PackId, size: int) -> bytes:
    spool.reserve(size, nothing)
    growing = OpenPack(spool, pack)
    growing.append(bytes(size))
    return growing.finish()


def test_finished_pack_lies_under_its_name_with_its_digest(spool: Spool) -> None:
    digest = fill(spool, PACK, 300)

    assert spool.file(PACK).read_bytes() == bytes(300)
    assert digest == sha256(bytes(300)).digest()
    assert spool.file(PACK).stat().st_mode & 0o777 == 0o600


def test_pack_that_still_grows_is_not_held(spool: Spool) -> None:
    growing = OpenPack(spool, PACK)
    growing.append(b"part")

    assert not spool.holds(PACK)
    growing.discard()
    assert not spool.holds(PACK)


def test_released_room_is_given_to_who_waits(spool: Spool) -> None:
    fill(spool, PACK, 800)
    waits = threading.Event()

    def not_stuck() -> None:
        waits.set()

    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(spool.reserve, 500, not_stuck)
        assert waits.wait(60)
        assert not waiting.done()
        spool.release(PACK)
        waiting.result(timeout=60)


def test_wait_ends_when_nothing_leaves_any_more(spool: Spool) -> None:
    fill(spool, PACK, 800)

    with pytest.raises(SpoolFullError, match="store-denied"):
        spool.reserve(500, lambda: StoreDeniedError("no"))


def test_foreign_cause_is_named_by_its_class_alone(spool: Spool) -> None:
    fill(spool, PACK, 800)

    with pytest.raises(SpoolFullError, match="nothing leaves it: ZeroDivisionError"):
        spool.reserve(500, lambda: ZeroDivisionError("its text may hold anything"))


def test_cancelled_wait_ends(tmp_path: Path) -> None:
    cancelled = threading.Event()
    spool = Spool(tmp_path / "spool", 1000, cancelled.is_set)
    fill(spool, PACK, 800)
    cancelled.set()

    with pytest.raises(CancelledError):
        spool.reserve(500, nothing)


def test_releasing_twice_gives_room_once(spool: Spool) -> None:
    fill(spool, PACK, 800)
    spool.release(PACK)
    spool.release(PACK)

    spool.reserve(1000, nothing)
    with pytest.raises(SpoolFullError):
        spool.reserve(1, lambda: StoreDeniedError("no"))


def test_reopened_spool_counts_what_lies_in_it_and_drops_what_was_growing(tmp_path: Path, spool: Spool) -> None:
    fill(spool, PACK, 800)
    OpenPack(spool, replace(PACK, counter=1)).append(bytes(100))

    again = Spool(tmp_path / "spool", 1000, never)

    again.reserve(200, nothing)
    with pytest.raises(SpoolFullError):
        again.reserve(1, lambda: StoreDeniedError("no"))
    assert [file.name for file in (tmp_path / "spool").iterdir()] == [spool.file(PACK).name]


def test_only_packs_that_are_still_needed_are_kept(spool: Spool) -> None:
    packs = [replace(PACK, counter=number) for number in range(3)]
    for pack in packs:
        fill(spool, pack, 300)

    spool.keep_only(packs[:1])

    assert [spool.holds(pack) for pack in packs] == [True, False, False]
    spool.reserve(700, nothing)


# --- in a run


@pytest.fixture
def host(scratch: Path) -> Any:
    host = Host(
        Ground(scratch / "ground", ChunkSizes(1 << 10, 4 << 10, 16 << 10)),
        options=with_options(OPTIONS, spool_limit=LIMIT),
    )
    plant(host.source, {f"f{number:02}": content(number, 20_000) for number in range(40)})
    with small_frames():
        yield host


def test_spool_never_exceeds_its_limit(host: Host) -> None:
    held: list[int] = []

    def measure(operation: str, _name: str, call: Callable[[], Any]) -> Any:
        result = call()
        if operation == "OpenPack.append":
            files = host.state.runs.glob("*/spool/*")
            held.append(sum(size for file in files if (size := size_of(file)) is not None))
        return result

    with watched_host(measure):
        receipt = host.run()

    assert receipt.totals["stored"] > LIMIT >= max(held) > LIMIT // 4


def size_of(file: Path) -> int | None:
    try:
        return file.stat().st_size
    except FileNotFoundError:
        return None


def test_full_spool_waits_for_slow_uploads(host: Host) -> None:
    """Uploads begin only when the sink waits for room."""
    waiting = threading.Event()
    original = Spool.reserve

    class WaitingSpool(Spool):
        def reserve(self, size: int, stuck: Callable[[], BaseException | None]) -> None:
            def asked() -> BaseException | None:
                waiting.set()
                return stuck()

            original(self, size, asked)

    def slow(operation: str, name: str, call: Callable[[], Any]) -> Any:
        if operation == "put" and name.startswith("packs/"):
            assert waiting.wait(60)
        return call()

    with pytest.MonkeyPatch.context() as patches:
        patches.setattr("proofkeep.backup.run.Spool", WaitingSpool)
        receipt = host.run(repository=host.ground.connect(store=WatchedStore(host.ground.store, slow)))

    assert waiting.is_set()
    assert host.ground.read_back(receipt.snapshot) == host.portrait()


def away(operation: str, name: str, call: Callable[[], Any]) -> Any:
    if operation == "put" and name.startswith("packs/"):
        raise StoreUnavailableError(f"object {name}: store is away")
    return call()


def test_full_spool_whose_uploads_have_failed_ends_the_run_and_loses_nothing(host: Host) -> None:
    with host.backup(repository=host.ground.connect(store=WatchedStore(host.ground.store, away))) as backup:
        with pytest.raises(SpoolFullError, match="store-unavailable"):
            drive(backup, wait=NO_WAIT)
        sealed = {pack.id for pack in backup.journal.packs()}

    receipt = host.run(backup.identity.run)

    assert sealed
    assert sealed < set(host.ground.packs())
    assert host.ground.read_back(receipt.snapshot) == host.portrait()


def test_upload_that_fails_in_a_way_nobody_foresaw_is_raised_and_does_not_hang(host: Host) -> None:
    def broken(operation: str, name: str, call: Callable[[], Any]) -> Any:
        if operation == "put" and name.startswith("packs/"):
            raise ZeroDivisionError
        return call()

    repository = host.ground.connect(store=WatchedStore(host.ground.store, broken))

    with pytest.raises(SpoolFullError, match="ZeroDivisionError"):
        host.run(repository=repository)
    with pytest.raises(ZeroDivisionError):
        host.run(repository=repository, spool_limit=10 * LIMIT)


def test_spool_too_small_for_one_transfer_and_the_packs_that_grow_is_said_at_once(host: Host) -> None:
    with pytest.raises(SpoolFullError, match="too small"):
        host.run(spool_limit=12_000, pack_size=16 << 10)


@pytest.mark.timeout(60)
@pytest.mark.parametrize("limit", range(14_000, 44_000, 5_000))
def test_small_spool_either_suffices_or_says_that_it_does_not(host: Host, limit: int) -> None:
    enough = True
    try:
        host.run(spool_limit=limit, pack_size=16 << 10)
    except SpoolFullError as error:
        enough = "too small" not in str(error)

    assert enough == bool(host.ground.snapshots())
