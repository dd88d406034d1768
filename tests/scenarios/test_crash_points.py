"""The process dies at any step of its stores, journal, catalog, spool or state files; the next attempt finds truth."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from proofkeep.backup.commit import CommitReceipt
from proofkeep.errors import PackRetiredError, ProofkeepError
from proofkeep.format.names import PackId
from tests.building import Ground, Host, content, plant, plant_some
from tests.decorating import Around, Crash, Fuse, WatchedStore, watched_host

MOST_STEPS = 260
EVERY = 7


def planted(root: Path) -> Host:
    """A host with one snapshot and something new to back up."""
    host = Host(Ground(root))
    plant_some(host.source, files=3, size=700)
    host.run()
    plant(host.source, {"new": content(99, 2000)})
    return host


def attempt(host: Host, run: bytes, around: Around) -> CommitReceipt:
    stores = {name: WatchedStore(getattr(host.ground, name), around) for name in ("store", "ledger")}
    with watched_host(around):
        return host.run(run, repository=host.ground.connect(**stores))


def assert_truth(host: Host, snapshot: str, crash: str) -> None:
    """The snapshot restores, nothing has to be sealed again, and everything offered opens."""
    assert host.ground.read_back(snapshot) == host.portrait(), crash
    assert host.run().totals["new_chunks"] == 0, crash
    assert host.ground.findings() == [], crash


def test_next_attempt_commits_after_a_crash_at_any_step(scratch: Path) -> None:
    for last in range(1, MOST_STEPS):
        host, fuse, run = planted(scratch / str(last)), Fuse(last), os.urandom(16)
        try:
            attempt(host, run, fuse)
        except Crash:
            assert fuse.blown
        if not fuse.blown:
            break

        receipt = host.run(run)

        assert len(host.ground.snapshots()) == 2, fuse.log[-1]
        assert_truth(host, receipt.snapshot, fuse.log[-1])
        shutil.rmtree(scratch / str(last))
    assert not fuse.blown, "the run has more steps than were tried"


def retiring(host: Host, which: int) -> Around:
    """Retires one pack of the run's record at the moment this has arrived."""
    retired: list[PackId] = []

    def around(operation: str, name: str, call: Callable[[], Any]) -> Any:
        result = call()
        if operation == "put" and name.startswith("snapshots/") and not retired:
            packs = host.ground.newest_packs()
            retired.append(packs[which % len(packs)])
            host.ground.retire(retired)
        return result

    return around


def in_turn(first: Around, second: Around) -> Around:
    return lambda operation, name, call: first(operation, name, lambda: second(operation, name, call))


@pytest.mark.parametrize("every", [EVERY, pytest.param(1, marks=pytest.mark.soak)])
def test_crash_between_generations_leaves_nothing_out(scratch: Path, every: int) -> None:
    for last in range(1, MOST_STEPS, every):
        host, fuse, run = planted(scratch / str(last)), Fuse(last), os.urandom(16)
        around = in_turn(fuse, retiring(host, last))
        try:
            with pytest.raises(PackRetiredError):
                attempt(host, run, around)
            attempt(host, run, around)
        except Crash:
            assert fuse.blown

        receipt = attempt_again(host, run)

        assert_truth(host, receipt.snapshot, fuse.log[-1])
        shutil.rmtree(scratch / str(last))
        if not fuse.blown:
            break
    assert not fuse.blown, "two generations have more steps than were tried"


def attempt_again(host: Host, run: bytes, met: type[ProofkeepError] = PackRetiredError) -> CommitReceipt:
    """What may be met only now, and is gone for the next attempt: a retirement, where the record was there before."""
    try:
        return host.run(run)
    except met:
        return host.run(run)
