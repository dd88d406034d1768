"""A run is cancelled at each kind of step of a backup, and gone on with: nothing is sealed or sent twice."""

import os
import threading
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest

from proofkeep.errors import CancelledError
from proofkeep.journal import Journal
from tests.building import Host, content, plant, planted_host, small_frames
from tests.decorating import Around, Puts, WatchedStore, watched_host
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


@pytest.mark.parametrize(
    "step",
    [*IN_EVERY_RUN, *(pytest.param(step, marks=pytest.mark.soak) for step in sorted(KINDS.difference(IN_EVERY_RUN)))],
)
def test_run_cancelled_at_a_kind_of_step_goes_on_to_its_commit(host: Host, step: str) -> None:
    """Cancelled late, the first attempt may commit: a cancel ends a run between two requests, not within one."""
    run, cancelled, puts = os.urandom(16), threading.Event(), Puts()

    def cancelling(operation: str, name: str, call: Callable[[], Any]) -> Any:
        if kind(f"{operation} {name}") == step:
            cancelled.set()
        return puts(operation, name, call)

    with suppress(CancelledError):
        attempt(host, run, cancelling, cancelled.is_set)
    before = sealed(host, run)
    snapshot = attempt(host, run, puts)

    assert cancelled.is_set()
    assert before.items() <= sealed(host, run).items()
    assert set(puts.names.values()) == {1}
    assert_nothing_stored_twice(host)
    assert [each.id.short for each in host.ground.snapshots()] == [snapshot]
    assert host.ground.read_back(snapshot) == host.ground.restored(snapshot)[0] == host.portrait()
    assert host.ground.findings() == []
