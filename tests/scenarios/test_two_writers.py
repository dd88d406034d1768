"""Two hosts, or two runs of one host, at once; and runs that wake after their successor committed."""

import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from proofkeep.backup import Backup, drive
from proofkeep.errors import ObjectExistsError, PolicyError
from proofkeep.repository.connect import connect
from proofkeep.repository.create import create
from tests.building import NO_WAIT, Ground, Host, content, plant, plant_some, planted_host, small_frames
from tests.decorating import Crash, Fuse, WatchedStore, watched_host


@pytest.fixture
def host(scratch: Path) -> Host:
    return planted_host(scratch)


@pytest.fixture
def other(host: Host) -> Host:
    """Another host of the same repository, with some of the same files."""
    other = Host(host.ground, "other")
    plant_some(other.source, files=3)
    plant(other.source, {"own": content(50, 2500)})
    return other


def at_once(*steps: Callable[[], Any]) -> list[Any]:
    """Run in threads that begin together."""
    barrier = threading.Barrier(len(steps))

    def begin(step: Callable[[], Any]) -> Any:
        barrier.wait()
        return step()

    with ThreadPoolExecutor(len(steps)) as pool:
        return [future.result() for future in [pool.submit(begin, step) for step in steps]]


def seal_and_send(backup: Backup) -> None:
    """Everything but the commit."""
    backup.begin()
    backup.checksum(backup.encrypt(backup.compress(backup.snapshot())), lambda _: None)
    for transfer in backup.transfers():
        backup.upload(transfer)
        backup.verify(transfer)


def test_two_hosts_at_once_leave_two_truthful_snapshots(host: Host, other: Host) -> None:
    receipts = at_once(host.run, other.run)

    assert host.ground.read_back(receipts[0].snapshot) == host.portrait()
    assert host.ground.read_back(receipts[1].snapshot) == other.portrait()
    assert len(host.ground.second_reader().chains) == 2
    assert host.ground.findings() == []


def test_two_hosts_deduplicate_against_each_other_afterwards(host: Host, other: Host) -> None:
    at_once(host.run, other.run)
    plant_some(other.source, files=6)

    receipt = other.run()

    assert receipt.totals["new_bytes"] == 0
    assert other.ground.read_back(receipt.snapshot) == other.portrait()


def test_two_runs_of_one_host_at_once_leave_two_truthful_snapshots(host: Host) -> None:
    receipts = at_once(host.run, host.run, host.run)

    assert [host.ground.read_back(receipt.snapshot) for receipt in receipts] == [host.portrait()] * 3
    assert len(host.ground.second_reader().chains) == 1
    assert host.ground.findings() == []
    assert host.run().totals["new_chunks"] == 0


def test_run_that_wakes_after_its_successor_committed_leaves_a_truthful_snapshot(host: Host) -> None:
    before = host.portrait()
    with host.backup() as sleeper:
        seal_and_send(sleeper)
        plant(host.source, {"d0/f0": content(77, 1234), "later": b"later"})

        successor = host.run()
        woken = sleeper.commit()

    assert host.ground.read_back(woken.snapshot) == before
    assert host.ground.read_back(successor.snapshot) == host.portrait()
    assert [snapshot.id.short for snapshot in host.ground.snapshots()] == [woken.snapshot, successor.snapshot]
    assert host.ground.findings() == []
    assert host.run().totals["new_chunks"] == 0


def test_what_a_successor_committed_meanwhile_is_not_a_reason_to_fail(host: Host) -> None:
    host.run()
    plant(host.source, {"new": content(8, 4000)})
    with host.backup() as backup:
        backup.begin()
        host.run()
        backup.checksum(backup.encrypt(backup.compress(backup.snapshot())), lambda _: None)

        receipt = drive(backup, wait=NO_WAIT)

    assert host.ground.read_back(receipt.snapshot) == host.portrait()


def crashed(host: Host, run: bytes, last: Callable[[str, str], bool]) -> None:
    """A run whose process dies before the step that `last` names."""
    fuse = Fuse()

    def around(operation: str, name: str, call: Callable[[], Any]) -> Any:
        if fuse.blown or last(operation, name):
            fuse.blow()
        return fuse(operation, name, call)

    stores = {name: WatchedStore(getattr(host.ground, name), around) for name in ("store", "ledger")}
    with watched_host(around), small_frames(), suppress(Crash):
        host.run(run, repository=host.ground.connect(**stores), spool_limit=200_000)
    assert fuse.blown


def plant_transfers(host: Host) -> None:
    """Enough new content for several transfers of a small spool, so for several ledger entries."""
    plant(host.source, {f"many/{number}": content(1000 + number, 9000) for number in range(20)})


@pytest.mark.parametrize("placed", [0, 1, 2])
def test_kept_ledger_entries_are_relinked_in_order_behind_what_another_run_appended(host: Host, placed: int) -> None:
    host.run()
    plant_transfers(host)
    run = os.urandom(16)
    puts: list[str] = []

    def dies(operation: str, name: str) -> bool:
        if operation == "put" and name.startswith("ledger/"):
            puts.append(name)
        return len(puts) > placed

    crashed(host, run, dies)
    successor = host.run()

    woken = host.run(run)

    assert host.ground.read_back(woken.snapshot) == host.portrait()
    assert host.ground.read_back(successor.snapshot) == host.portrait()
    assert host.ground.findings() == []
    ((_, *entries),) = [tuple(entry for _, entry in chain) for chain in host.ground.second_reader().chains.values()]
    assert sum(entry["run"]["id"] == run.hex() for entry in entries) >= 4


def test_two_runs_that_crash_by_turns_never_share_an_index_number(host: Host) -> None:
    runs = [os.urandom(16), os.urandom(16)]
    entries = [Host(host.ground, host.name, entry=entry) for entry in ("first", "second")]  # none adopts the other's
    for number, (run, each) in enumerate(zip(runs, entries, strict=True)):
        plant(host.source, {f"new{number}": content(200 + number, 3000)})
        crashed(each, run, lambda operation, name: operation == "put" and name.startswith("index/"))
    plant(host.source, {"last": content(300, 3000)})

    receipts = [host.run(), *(each.run(run) for run, each in zip(runs, entries, strict=True))]

    assert [host.ground.read_back(receipt.snapshot) == host.portrait() for receipt in receipts] == [True, False, False]
    assert len(host.ground.names("index/")) == 3
    assert host.ground.findings() == []


def test_what_a_crashed_run_had_in_the_ledger_is_known_to_its_successor(host: Host) -> None:
    crashed(host, os.urandom(16), lambda operation, name: operation == "put" and name.startswith("snapshots/"))

    receipt = host.run()

    assert receipt.totals["new_chunks"] == 0
    assert host.ground.read_back(receipt.snapshot) == host.portrait()


def test_what_a_run_put_into_the_ledger_while_another_was_under_way_is_learned(host: Host) -> None:
    with host.backup() as sleeper:
        seal_and_send(sleeper)
        plant(host.source, {"new": content(5, 3000)})
        crashed(host, os.urandom(16), lambda operation, name: operation == "put" and name.startswith("snapshots/"))
        sleeper.commit()

    receipt = host.run()

    assert receipt.totals["new_bytes"] == 0


@pytest.mark.parametrize("which", ["store", "ledger"])
def test_store_that_does_not_refuse_a_second_create_is_refused_for_a_second_writer(scratch: Path, which: str) -> None:
    ground = Ground(scratch / "keys")
    places = {name: Ground(scratch / name).store for name in ("store", "ledger")}
    for place in places.values():
        for stat in list(place.list("")):
            place.delete(stat.name)
    places[which] = WatchedStore(places[which], overwriting(places[which]))  # type: ignore[assignment] # a store too
    create(places["store"], places["ledger"], ground.secret, [ground.wrapping.recipient], now_ns=ground.now())
    repository = connect(places["store"], places["ledger"], ground.secret)
    first, second = Host(ground, "first"), Host(ground, "second")
    plant_some(first.source)
    plant_some(second.source)
    first.run(repository=repository)

    with pytest.raises(PolicyError, match="twice"):
        second.run(repository=repository)

    assert first.run(repository=repository).complete


def overwriting(inner: Any) -> Any:
    """Around a store: a second create replaces what was there."""

    def around(operation: str, name: str, call: Callable[[], Any]) -> Any:
        if operation == "put":
            with suppress(ObjectExistsError):
                return call()
            inner.delete(name)
        return call()

    return around
