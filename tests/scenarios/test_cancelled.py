"""A run is cancelled at each kind of step of a backup, and gone on with: nothing is sealed or sent twice."""

import itertools
import os
import threading
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest

from proofkeep.errors import CancelledError
from proofkeep.journal import Journal
from tests.building import Host, content, plant, planted_host, small_frames, small_slabs
from tests.decorating import Around, Puts, WatchedStore, watched_host
from tests.faults.left import assert_listed_and_removable, assert_nothing_left, listed
from tests.scenarios.killable_backup import SPOOL_LIMIT
from tests.scenarios.test_killed import assert_nothing_stored_twice
from tests.steps import KINDS, kind

IN_EVERY_RUN = ("OpenPack.append", "put packs", "list packs", "put index", "put ledger", "put snapshots")


@pytest.fixture
def host(scratch: Path) -> Host:
    """A host whose first backup has several packs and transfers."""
    host = planted_host(scratch)
    plant(host.source, {f"new/{number}": content(1000 + number, 20_000) for number in range(14)})
    return host


def attempt(host: Host, run: bytes, around: Around, cancelled: Callable[[], bool] = lambda: False) -> str:
    """Its snapshot, as `<run>.<generation>`."""
    stores = {name: WatchedStore(getattr(host.ground, name), around) for name in ("store", "ledger")}
    with watched_host(around), small_frames():
        repository = host.ground.connect(**stores)
        return host.run(run, repository=repository, spool_limit=SPOOL_LIMIT, cancelled=cancelled).snapshot


def sealed(host: Host, run: bytes) -> dict[str, bytes]:
    """SHA-256 of each pack that the run's journal holds."""
    with closing(Journal(host.state.run(run) / "journal.sqlite")) as journal:
        return {pack.id.name: pack.sha256 for pack in journal.packs()}


def cancelled_at(host: Host, run: bytes, step: str, puts: Puts, number: int = 1) -> bool:
    """Whether the run came to the step of that number of a kind; it is cancelled there."""
    cancelled, steps = threading.Event(), itertools.count(1)

    def cancelling(operation: str, name: str, call: Callable[[], Any]) -> Any:
        if kind(f"{operation} {name}") == step and next(steps) == number:
            cancelled.set()
        return puts(operation, name, call)

    with suppress(CancelledError):
        attempt(host, run, cancelling, cancelled.is_set)
    return cancelled.is_set()


def assert_commits_when_retried(host: Host, run: bytes, puts: Puts) -> None:
    before = sealed(host, run)
    if not host.ground.snapshots():
        assert_listed_and_removable(host.state_root, run)
    snapshot = attempt(host, run, puts)

    assert before.items() <= sealed(host, run).items()
    assert not puts.repeated
    assert_nothing_stored_twice(host)
    assert [each.id.short for each in host.ground.snapshots()] == [snapshot]
    assert host.ground.read_back(snapshot) == host.ground.restored(snapshot)[0] == host.portrait()
    assert host.ground.findings() == []
    assert_nothing_left(host.state_root)


@pytest.mark.parametrize(
    "step",
    [*IN_EVERY_RUN, *(pytest.param(step, marks=pytest.mark.soak) for step in sorted(KINDS.difference(IN_EVERY_RUN)))],
)
def test_run_cancelled_at_a_kind_of_step_goes_on_to_its_commit(host: Host, step: str) -> None:
    """Cancelled late, the first attempt may commit: a cancel ends a run between two requests, not within one."""
    run, puts = os.urandom(16), Puts()

    assert cancelled_at(host, run, step, puts)
    assert_commits_when_retried(host, run, puts)


def test_run_cancelled_while_it_seals_keeps_what_it_has_sealed(host: Host) -> None:
    run, puts = os.urandom(16), Puts()
    plant(host.source, {f"more/{number}": content(2000 + number, 20_000) for number in range(40)})  # no spool holds all

    with small_slabs():
        assert cancelled_at(host, run, "Journal.add_pack", puts, 3)
    assert sealed(host, run)
    assert not listed(host.state_root)[run.hex()].ended, "the source was read to its end"
    assert_commits_when_retried(host, run, puts)
