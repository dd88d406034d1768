"""The next run of an entry takes up what an abandoned run left: nothing is sealed or sent twice, nothing is lost."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import closing, nullcontext, suppress
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from proofkeep.backup import Backup, drive
from proofkeep.errors import JournalBusyError, PackMissingError, StoreUnavailableError, StreamEndedEarlyError
from proofkeep.journal import Journal
from proofkeep.unfinished import unfinished_runs
from tests.building import NO_WAIT, Ground, Host, content, grown_host, plant, plant_some, small_frames, small_slabs
from tests.decorating import Crash, Fuse, Puts, WatchedStore, watched_host
from tests.scenarios.killable_backup import SPOOL_LIMIT
from tests.scenarios.test_killed import assert_nothing_stored_twice, killed, sent
from tests.scenarios.test_two_writers import seal_and_send

WHILE_IT_READS = ["Journal.add_pack 2", "Journal.set_pack_verified 2"]
BEHIND_THE_SOURCE = ["put index/ 1", "Journal.set_object_sent snapshots/ 1"]
MORE = {
    "put packs/ 1": False,
    "Journal.set_pack_sent 2": False,
    "Journal.set_fact end 1": True,
    "put ledger/ 2": True,
    "put snapshots/ 1": True,
    "Catalog.set_head 1": True,
}
STEPS = dict.fromkeys(WHILE_IT_READS, False) | dict.fromkeys(BEHIND_THE_SOURCE, True)
"""Where the first run dies, and whether it had read its source to the end by then."""
EVERY = 13
MOST_STEPS = 400


@pytest.fixture
def host(scratch: Path) -> Host:
    return grown_host(scratch)


def sealed_packs(host: Host, run: bytes) -> set[str]:
    """Packs that the run's journal holds."""
    with closing(Journal(host.state.run(run) / "journal.sqlite")) as journal:
        return {pack.id.name for pack in journal.packs()}


def new_run(host: Host, puts: Puts | None = None, run: bytes | None = None, **how: Any) -> str:
    stores = {name: WatchedStore(getattr(host.ground, name), puts or Puts()) for name in ("store", "ledger")}
    with small_frames():
        return host.run(run, repository=host.ground.connect(**stores), spool_limit=SPOOL_LIMIT, **how).snapshot


def assert_truth(host: Host, snapshot: str) -> None:
    assert host.ground.read_back(snapshot) == host.portrait()
    assert host.ground.restored(snapshot)[0] == host.portrait()
    assert_nothing_stored_twice(host)
    assert host.ground.findings() == []


@pytest.mark.parametrize(
    "step, ended",
    [*STEPS.items(), *(pytest.param(*more, marks=pytest.mark.soak) for more in MORE.items())],
    ids=[*STEPS, *MORE],
)
def test_new_run_sends_what_a_killed_one_sealed_and_seals_none_of_it_again(
    host: Host, step: str, *, ended: bool
) -> None:
    run, successor = os.urandom(16), os.urandom(16)
    killed(host, run, step)
    left, arrived = sealed_packs(host, run), sent(host, run)
    puts = Puts()

    snapshot = new_run(host, puts, successor)

    assert left
    assert left <= set(host.ground.names("packs/"))
    assert arrived.isdisjoint(puts.tried)
    assert set(puts.tried.values()) == {1}
    assert_truth(host, snapshot)
    if ended:
        assert sealed_packs(host, successor) == set()
    assert [each.holds_packs for each in unfinished_runs(host.state)] in ([False], [])
    assert list((host.state.run(run) / "spool").iterdir()) == []


def test_second_new_run_finds_everything_known(host: Host) -> None:
    killed(host, os.urandom(16), "put packs/ 3")
    new_run(host)

    receipt = host.run()

    assert receipt.totals["new_chunks"] == 0
    assert host.ground.read_back(receipt.snapshot) == host.portrait()


@pytest.mark.parametrize("step", ["put packs/ 2", "put snapshots/ 1"])
def test_retry_of_an_adopted_run_leaves_a_truthful_snapshot_of_its_own(host: Host, step: str) -> None:
    run = os.urandom(16)
    killed(host, run, step)
    before = host.portrait()
    successor = new_run(host)
    plant(host.source, {"later": content(1, 3000)})

    woken = new_run(host, run=run)

    assert host.ground.read_back(successor) == before
    assert host.ground.read_back(woken) == (before if step.startswith("put snapshots") else host.portrait())
    assert host.ground.findings() == []
    assert host.run().totals["new_chunks"] == (1 if step.startswith("put snapshots") else 0)


def crash_in_adoption(host: Host, last: int) -> Fuse:
    fuse = Fuse(last)
    stores = {name: WatchedStore(getattr(host.ground, name), fuse) for name in ("store", "ledger")}
    with watched_host(fuse), suppress(Crash):
        host.run(repository=host.ground.connect(**stores))
    return fuse


@pytest.mark.parametrize("retried", [False, True])
@pytest.mark.parametrize("every", [EVERY, pytest.param(1, marks=pytest.mark.soak)])
def test_crash_at_any_step_of_an_adoption_loses_nothing(scratch: Path, every: int, *, retried: bool) -> None:
    """Behind it comes a third run, or the retry of the first, which may have more to seal than was adopted."""
    for last in range(1, MOST_STEPS, every):
        host, run = Host(Ground(scratch / str(last))), os.urandom(16)
        plant_some(host.source, files=4, size=9000)
        with host.backup(run) as backup, suppress(PackMissingError):
            backup.begin()
            backup.checksum(backup.encrypt(backup.compress(backup.snapshot())), lambda _: None)
            backup.journal.set_fact("end", None)  # as if the process had died before the end was noted
        plant(host.source, {"new": content(99, 2000)})
        fuse = crash_in_adoption(host, last)

        receipt = host.run(run if retried else None)

        step = fuse.log[-1]
        assert host.ground.read_back(receipt.snapshot) == host.portrait(), step
        assert host.run().totals["new_chunks"] == 0, step
        assert host.ground.findings() == [], step
        shutil.rmtree(scratch / str(last))
        if not fuse.blown:
            break
    assert not fuse.blown, "the run has more steps than were tried"


def test_live_run_is_left_alone_by_another_of_its_entry(host: Host) -> None:
    with host.backup() as live:
        live.begin()
        live.checksum(live.encrypt(live.compress(live.snapshot())), lambda _: None)
        waiting = sorted((host.state.run(live.identity.run) / "spool").iterdir())

        other = host.run()
        (seen,) = unfinished_runs(host.state)

        assert seen.live
        assert sorted((host.state.run(live.identity.run) / "spool").iterdir()) == waiting
        assert waiting
        mine = drive(live, wait=NO_WAIT)

    assert host.ground.read_back(other.snapshot) == host.ground.read_back(mine.snapshot) == host.portrait()
    assert host.ground.findings() == []


def test_run_of_another_entry_adopts_nothing(host: Host) -> None:
    run = os.urandom(16)
    killed(host, run, "put packs/ 1")

    Host(host.ground, host.name, entry="another").run()

    (left,) = unfinished_runs(host.state)
    assert (left.run, left.adopted) == (run.hex(), False)
    assert left.waiting > 0


def sleeper_without_lock(host: Host) -> Backup:
    """A run on a filesystem whose locks hold nobody off."""
    with patch("proofkeep.backup.run.locked", lambda *_, **__: nullcontext()):
        return host.backup().__enter__()


@pytest.mark.parametrize("at", [2, 3, pytest.param(4, marks=pytest.mark.soak)])
def test_zombie_that_was_still_sealing_when_it_was_adopted_cannot_commit(host: Host, at: int) -> None:
    zombie = sleeper_without_lock(host)
    successors: list[str] = []

    def woken(items: Iterator[Any]) -> Iterator[Any]:
        for number, item in enumerate(items):
            if number == at:
                successors.append(host.run().snapshot)
            yield item

    with small_frames(), small_slabs():
        zombie.begin()
        items = woken(zombie.encrypt(zombie.compress(zombie.snapshot())))
        with suppress(JournalBusyError), pytest.raises(PackMissingError, match="taken up by another run"):
            zombie.require_sealed(zombie.checksum(items, lambda _: None))

    with pytest.raises(StreamEndedEarlyError):
        zombie.commit()
    zombie.__exit__(None, None, None)
    assert [snapshot.id.short for snapshot in host.ground.snapshots()][1:] == successors
    assert len(successors) == 1
    assert host.ground.findings() == []


def test_zombie_that_had_read_to_the_end_commits_its_older_instant(host: Host) -> None:
    zombie = sleeper_without_lock(host)
    seal_and_send(zombie)
    before = host.portrait()
    plant(host.source, {"later": b"later"})
    successor = host.run()

    woken = zombie.commit()
    zombie.__exit__(None, None, None)

    assert host.ground.read_back(woken.snapshot) == before
    assert [snapshot.id.short for snapshot in host.ground.snapshots()][1:] == [woken.snapshot, successor.snapshot]
    assert host.ground.findings() == []


def test_pack_that_rotted_in_the_spool_is_sealed_anew_by_the_new_run(host: Host) -> None:
    run = os.urandom(16)
    killed(host, run, "put packs/ 1")
    file = min((host.state.run(run) / "spool").glob("*.pack"))
    file.write_bytes(bytes(file.stat().st_size))

    snapshot = new_run(host)

    assert host.ground.read_back(snapshot) == host.portrait()
    assert host.ground.findings() == []


def test_sent_pack_that_is_gone_from_the_store_is_sealed_anew_by_the_new_run(host: Host) -> None:
    run = os.urandom(16)
    killed(host, run, "put index/ 1")
    (gone, *_) = sorted(name for name in sent(host, run) if name.startswith("packs/"))
    host.ground.store.delete(gone)

    snapshot = new_run(host)

    assert host.ground.read_back(snapshot) == host.portrait()
    assert host.ground.findings() == []


def test_store_that_is_away_fails_the_new_run_and_costs_nothing(host: Host) -> None:
    run = os.urandom(16)
    killed(host, run, "put packs/ 1")
    left = sealed_packs(host, run)

    def away(operation: str, name: str, call: Callable[[], Any]) -> Any:
        if operation == "put" and name.startswith("packs/"):
            raise StoreUnavailableError("away")
        return call()

    with pytest.raises(StoreUnavailableError):
        host.run(repository=host.ground.connect(store=WatchedStore(host.ground.store, away)))
    assert sealed_packs(host, run) == left

    assert_truth(host, new_run(host))


def test_folder_that_cannot_be_read_stops_no_run_and_is_named(host: Host) -> None:
    folder = host.state.runs / os.urandom(16).hex()
    folder.mkdir(parents=True)
    (folder / "journal.sqlite").write_bytes(b"no database at all" * 100)

    assert host.run().complete
    assert [(run.run, run.damaged) for run in unfinished_runs(host.state)] == [(folder.name, True)]
