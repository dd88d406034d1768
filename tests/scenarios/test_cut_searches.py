"""Whoever is cut while he looks at what is stored has told by then what he had found damaged."""

from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from proofkeep.catalog import Catalog, refresh
from proofkeep.damage import unread, within
from proofkeep.errors import CancelledError, StoreUnavailableError
from proofkeep.ports import Progress
from proofkeep.restore import restore
from proofkeep.snapshots import ChunkStore, DataKeys, find_snapshot
from proofkeep.snapshots.damaged import NO_INDEX
from proofkeep.targets.directory import DirectoryTarget
from proofkeep.verify import verify
from tests.building import Ground, Host, planted_host
from tests.decorating import Around, WatchedStore


@pytest.fixture
def host(scratch: Path) -> Host:
    host = planted_host(scratch)
    host.run()
    return host


def alter(ground: Ground, name: str) -> Callable[[], int]:
    """Other bytes of the same size; what puts the object's own back."""
    file = ground.root / "store" / name
    sound = file.read_bytes()
    file.chmod(0o600)
    file.write_bytes(bytes(len(sound)))
    return partial(file.write_bytes, sound)


def gone_at(wanted: str, prefix: str) -> Around:
    """The store is away from the first such request on."""
    away = False

    def around(operation: str, name: str, call: Callable[[], Any]) -> Any:
        nonlocal away
        away = away or (operation == wanted and name.startswith(prefix))
        if away:
            raise StoreUnavailableError("store cannot be reached")
        return call()

    return around


def test_verify_tells_each_damaged_object_before_it_looks_at_the_next(host: Host) -> None:
    ground = host.ground
    first, *_, last = ground.names("packs/")
    for name in (first, last):
        ground.store.delete(name)
    found: list[str] = []

    with pytest.raises(CancelledError):
        verify(ground.connect(), on_found=found.extend, cancelled=lambda: bool(found))

    assert set(found) == {first}


def test_verify_whose_store_goes_away_has_told_what_it_had_read(host: Host) -> None:
    ground = host.ground
    (key, *_) = ground.names("keys/")
    mend = alter(ground, key)
    found: list[str] = []
    away = ground.connect(store=WatchedStore(ground.store, gone_at("list", "snapshots/")))

    with pytest.raises(StoreUnavailableError):
        verify(away, read=1.0, on_found=found.extend)

    assert set(found) == {key}
    mend()
    assert verify(ground.connect(), known=[key])[0].sound == [key]


def test_verify_that_cannot_read_the_ledger_to_its_end_has_told_the_faults_it_met(host: Host) -> None:
    ground = host.ground
    Host(ground, "other").run(allow_empty=True)
    first, last = sorted({name.split("/")[1] for name in ground.names("ledger/")})
    for file in (ground.root / "ledger" / "ledger" / first).iterdir():
        file.chmod(0o600)
        file.write_bytes(bytes(file.stat().st_size))
    found: list[str] = []
    away = ground.connect(ledger=WatchedStore(ground.ledger, gone_at("get", f"ledger/{last}/")))

    with pytest.raises(StoreUnavailableError):
        verify(away, on_found=found.extend)

    assert set(found) == {f"ledger of writer {first}"}


def largest_pack(ground: Ground) -> str:
    return max(ground.packs(), key=lambda pack: ground.store.stat(pack.name).size).name


def cut_restore(ground: Ground) -> list[str]:
    """What a restore told that was cancelled once a pack did not open."""
    repository, target = ground.connect(), DirectoryTarget(ground.root / "cut")
    found: list[str] = []
    with closing(Catalog(ground.root / "cut.catalog")) as catalog:
        refresh(repository, catalog, {})
        keys = DataKeys(repository, [ground.unwrapping])
        chunks = ChunkStore(repository, catalog, keys)
        snapshot = find_snapshot(repository, "latest")

        with pytest.raises(CancelledError):
            restore(repository, chunks, keys, snapshot, target, on_found=found.extend, progress=cancelling(chunks))
    return found


def test_restore_that_is_cut_has_told_what_did_not_open_of_the_snapshot(host: Host) -> None:
    ground = host.ground
    pack = largest_pack(ground)
    alter(ground, pack)

    assert cut_restore(ground) == [unread(pack, ground.snapshots()[0].id.short)]
    assert not (ground.root / "cut").exists()


def test_what_a_cut_restore_told_is_mended_once_a_verify_read_pack_and_key_sound(host: Host) -> None:
    ground = host.ground
    mend = alter(ground, largest_pack(ground))
    known = cut_restore(ground)

    assert verify(ground.connect(), known=known)[0].sound == []
    mend()
    report, _ = verify(ground.connect(), known=known)

    assert (report.sound, report.read) == (known, 2)
    assert ground.restored("latest")[1].sound(known) == known


@pytest.mark.parametrize("what", ["key", "other pack"])
def test_sound_pack_mends_nothing_while_its_snapshot_needs_what_is_damaged(host: Host, what: str) -> None:
    ground = host.ground
    pack = largest_pack(ground)
    mend = alter(ground, pack)
    known = cut_restore(ground)
    mend()
    if what == "key":
        alter(ground, ground.names("keys/")[0])
    else:
        ground.store.delete(next(each.name for each in ground.packs() if each.name != pack))

    assert verify(ground.connect(), known=known)[0].sound == []


def test_sound_pack_mends_nothing_while_something_else_of_its_snapshot_is_known_to_be_damaged(host: Host) -> None:
    ground = host.ground
    mend = alter(ground, largest_pack(ground))
    known = [*cut_restore(ground), within(NO_INDEX, ground.snapshots()[0].id.short)]
    mend()

    assert verify(ground.connect(), known=known)[0].sound == []


def test_backup_relies_on_no_pack_that_was_not_read_back(host: Host) -> None:
    alter(host.ground, largest_pack(host.ground))
    known = cut_restore(host.ground)

    assert host.run().totals["new_bytes"] == 0
    assert host.run(damaged=tuple(known)).totals["new_bytes"] > 0


def cancelling(chunks: ChunkStore) -> Progress:
    """Somebody cancels once a pack did not open."""

    def progress(step: str, **_: int) -> None:
        if chunks.damaged:
            raise CancelledError(step)

    return progress
