"""kill -9 at enumerated points of a backup, then a retry."""

import os
import signal
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from proofkeep.journal import Journal
from tests.architecture.tree import ROOT
from tests.building import Host, grown_host, small_frames
from tests.decorating import Puts, WatchedStore
from tests.faults.left import assert_listed_and_removable, assert_nothing_left
from tests.scenarios.killable_backup import SPOOL_LIMIT

BEFORE_THE_RECORD = [
    "OpenPack.append 3",
    "Journal.add_pack 2",
    "put keys/ 1",
    "put packs/ 1",
    "Journal.set_pack_sent 2",
    "Journal.set_pack_verified 2",
    "Journal.set_fact end 1",
    "put index/ 1",
    "put ledger/ 2",
    "put snapshots/ 1",
]
AFTER_THE_RECORD = [
    "Journal.set_object_sent snapshots/ 1",
    "Catalog.set_head 1",
    "Journal.set_fact committed 1",
]
MORE = {
    "OpenPack.finish 2": False,
    "put packs/ 3": False,
    "Spool.release 1": False,
    "list packs/ 1": False,
    "put ledger/ 1": False,
    "Journal.keep_object ledger/ 6": True,
    "save_heads 1": True,
    "Noted.clear 2": True,
    "Spool.clear 1": True,
}
STEPS = dict.fromkeys(BEFORE_THE_RECORD, False) | dict.fromkeys(AFTER_THE_RECORD, True)
"""Where the process dies, and whether the record is there by then."""


@pytest.fixture
def host(scratch: Path) -> Host:
    return grown_host(scratch)


def killed(host: Host, run: bytes, step: str) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "tests.scenarios.killable_backup", str(host.ground.root), run.hex()],
        cwd=ROOT,
        env={**os.environ, "KILL_AT": step},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == -signal.SIGKILL, ended.stderr


def sent(host: Host, run: bytes) -> set[str]:
    """What the journal knows to have arrived."""
    with closing(Journal(host.state.run(run) / "journal.sqlite")) as journal:
        packs = {pack.id.name for pack in journal.packs() if pack.sent is not None}
        return packs | {item.name for item in journal.objects("sent IS NOT NULL")}


def retried(host: Host, run: bytes, puts: Puts) -> str:
    stores = {name: WatchedStore(getattr(host.ground, name), puts) for name in ("store", "ledger")}
    with small_frames():
        return host.run(run, repository=host.ground.connect(**stores), spool_limit=SPOOL_LIMIT).snapshot


def assert_nothing_stored_twice(host: Host) -> None:
    places = host.ground.second_reader().places
    assert {len(found) for found in places.values()} == {1}


@pytest.mark.parametrize(
    "step, recorded",
    [*STEPS.items(), *(pytest.param(*more, marks=pytest.mark.soak) for more in MORE.items())],
    ids=[*STEPS, *MORE],
)
def test_backup_killed_at_any_point_commits_when_retried(host: Host, step: str, *, recorded: bool) -> None:
    run = os.urandom(16)
    killed(host, run, step)
    arrived = sent(host, run)
    visible = [snapshot.id.run for snapshot in host.ground.snapshots()]
    if not recorded:
        assert_listed_and_removable(host.state_root, run)
    puts = Puts()

    snapshot = retried(host, run, puts)

    assert (run in visible) == recorded
    assert host.ground.read_back(snapshot) == host.portrait()
    assert host.ground.restored(snapshot)[0] == host.portrait()
    assert arrived.isdisjoint(puts.tried)
    assert set(puts.tried.values()) <= {1}
    assert_nothing_stored_twice(host)
    assert_nothing_left(host.state_root)
    assert len(host.ground.snapshots()) == 2
    assert host.ground.findings() == []


def test_run_killed_again_and_again_still_commits(host: Host) -> None:
    run = os.urandom(16)
    for step in ("Journal.add_pack 2", "put packs/ 2", "put index/ 1", "put snapshots/ 1", "put ledger/ 1"):
        killed(host, run, step)

    snapshot = retried(host, run, Puts())

    assert host.ground.read_back(snapshot) == host.portrait()
    assert_nothing_stored_twice(host)
    assert host.run().totals["new_chunks"] == 0
