"""A run that stands still in mid-work and wakes when its successor is done: two processes, one real store.

`pytest -m soak tests/faults/test_woken.py -k "put and packs"` is a part of the grid.
"""

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict

import pytest

from proofkeep.backup.underway import WAITS
from proofkeep.errors import JournalBusyError
from proofkeep.format.names import PACKS
from tests.architecture.tree import ROOT
from tests.building import Ground, Host, content, plant
from tests.engine.status.test_open_failures import judged
from tests.faults.left import assert_nothing_left
from tests.faults.stoppable_backup import HALF, instants, log_of
from tests.faults.surviving import Ended, remote
from tests.steps import KINDS
from tests.waiting import DEADLINE_SECONDS, until

SLEEPER, SUCCESSOR = bytes(range(16)), bytes(range(16, 32))
MINUTE = {SLEEPER: 10, SUCCESSOR: 20}
"""At which each reads its source."""

WITH_THE_CHAIN = {f"{operation} {kind}" for operation in ("put", "stat") for kind in ("index", "ledger", "snapshots")}
WITH_THE_CHAIN |= {"replace_file"}
"""Steps at which a commit holds its writer's chain: another process of the host waits with its own."""

WITH_THE_CATALOG = {kind for kind in KINDS if kind.startswith("Catalog.")}
"""Steps within one transaction of the catalog: another process of the host waits for a minute, and says so."""

NORMAL = [HALF, "put ledger"]

Run = subprocess.Popen[str]
Begin = Callable[..., Run]


@pytest.fixture
def begin() -> Iterator[Begin]:
    """Begin a run in a process of its own, which stands still at the first step of a kind, if one is given."""
    runs: list[Run] = []

    def begun(host: Host, run: bytes, stop_at: str = "") -> Run:
        ground = remote(host)
        runs.append(
            subprocess.Popen(
                [sys.executable, "-m", "tests.faults.stoppable_backup", ground.root, run.hex(), str(MINUTE[run])],
                cwd=ROOT,
                env={**os.environ, "PLACE": json.dumps(asdict(ground.place)), "STOP_AT": stop_at},
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        )
        return runs[-1]

    yield begun
    for run in runs:
        run.kill()
        run.communicate()


def ended(run: Run) -> Ended:
    """How it ended, once it has."""
    told, trouble = run.communicate(timeout=DEADLINE_SECONDS)
    assert run.returncode == 0, trouble
    return Ended(**json.loads(told))


def assert_stands_still(run: Run) -> None:
    """Once it does; it would have ended without coming to the step else."""
    found = os.waitid(os.P_PID, run.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
    assert found is not None
    assert found.si_code == os.CLD_STOPPED, ended(run)


def has_told(host: Host, run: bytes, step: str) -> bool:
    log = log_of(host.ground.root, run)
    return log.exists() and step in log.read_text().splitlines()


def assert_told_once(ground: Ground) -> None:
    """Every object that the ledger names is named by one entry, and every pack is named."""
    ((*entries,),) = [[entry for _, entry in chain] for chain in ground.second_reader().chains.values()]
    told = Counter(stored["name"] for entry in entries for stored in entry["objects"])
    assert set(told.values()) == {1}
    assert {name for name in told if name.startswith(PACKS)} == set(ground.names(PACKS))


@pytest.mark.parametrize(
    "stop_at", [*NORMAL, *(pytest.param(kind, marks=pytest.mark.soak) for kind in sorted(KINDS - {*NORMAL}))]
)
def test_run_that_wakes_when_its_successor_is_done_loses_hides_and_doubles_nothing(
    stop_at: str, make_host: Callable[[], Host], begin: Begin
) -> None:
    host = make_host()
    before = host.portrait()
    sleeper = begin(host, SLEEPER, stop_at)
    assert_stands_still(sleeper)
    if has_told(host, SLEEPER, "Journal.set_fact end"):
        plant(host.source, {"d0/f0": content(77, 1234), "later": b"later"})
    successor = begin(host, SUCCESSOR)
    until(lambda: successor.poll() is not None or has_told(host, SUCCESSOR, WAITS), "the successor is done, or waits")
    waits = successor.poll() is None
    sleeper.send_signal(signal.SIGCONT)

    ends = {SLEEPER: ended(sleeper), SUCCESSOR: ended(successor)}

    assert waits == (stop_at in WITH_THE_CHAIN)
    refused = JournalBusyError.code if stop_at in WITH_THE_CATALOG else ""
    assert {run: end.code for run, end in ends.items()} == {SLEEPER: "", SUCCESSOR: refused}
    if refused:
        assert ended(begin(host, SUCCESSOR)).code == ""
    found = host.ground.snapshots()
    assert [snapshot.id.run for snapshot in found] == [SLEEPER, SUCCESSOR]
    restored = [host.ground.restored(snapshot.id.short) for snapshot in found]
    assert [portrait for portrait, _ in restored] == [before, host.portrait()]
    assert all(report.intact for _, report in restored)
    assert_told_once(host.ground)
    assert host.ground.findings() == []
    entry = judged(host, now_ns=next(instants(30)))
    assert (entry.snapshot, entry.codes) == (found[1].id.short, [])
    assert_nothing_left(host.state_root)
    assert host.run().totals["new_chunks"] == 0, "nothing that was sent is forgotten"
