"""A process that stands still in the middle of a commit: the others of its host say so, hear a cancel, and give up."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from proofkeep.backup import turn
from proofkeep.backup.underway import WAITS
from proofkeep.errors import CancelledError, LedgerBusyError
from proofkeep.format import names
from tests.architecture.tree import ROOT
from tests.building import Host, content, grown_host, plant
from tests.holding import wait_until_it_stands_still
from tests.scenarios.test_killed import killed

HOLDER, RUN = bytes(range(16)), bytes(range(16, 32))

Process = subprocess.Popen[bytes]


@pytest.fixture
def host(scratch: Path) -> Host:
    return grown_host(scratch)


@pytest.fixture
def holder(host: Host) -> Iterator[Process]:
    """A backup of the host that was stopped just before its index object leaves."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.scenarios.killable_backup", str(host.ground.root), HOLDER.hex()],
        cwd=ROOT,
        env={**os.environ, "KILL_AT": "put index/ 1", "KILL_BY": "SIGSTOP"},
        stdout=subprocess.DEVNULL,
    ) as process:
        wait_until_it_stands_still(process)
        yield process
        process.kill()


@pytest.fixture(params=["commit", "adoption"])
def waiting(host: Host, holder: Process, request: pytest.FixtureRequest) -> Host:
    """The host with something new, where the next run waits with its commit; or with what a killed one left."""
    assert holder.poll() is None
    plant(host.source, {"later": content(5, 3000)})
    if request.param == "adoption":
        killed(host, os.urandom(16), "Journal.set_pack_verified 1")
    return host


@pytest.fixture
def no_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turn, "LIMIT_SECONDS", 0.0)


def end(process: Process) -> None:
    process.kill()
    process.wait()


def assert_everything_goes_on(host: Host) -> None:
    """With a retry of the run, and one of the run that held it up."""
    receipt = host.run(RUN)
    woken = host.run(HOLDER)

    assert host.ground.read_back(receipt.snapshot) == host.portrait()
    assert {snapshot.id.short for snapshot in host.ground.snapshots()} >= {receipt.snapshot, woken.snapshot}
    assert host.ground.findings() == []
    assert host.run().totals["new_chunks"] == 0


def test_run_that_is_cancelled_while_it_waits_ends_and_commits_when_the_other_is_gone(
    waiting: Host, holder: Process
) -> None:
    told: list[int] = []

    def progress(step: str, **counts: int) -> None:
        if step == WAITS:
            told.append(counts["seconds"])

    with pytest.raises(CancelledError):
        waiting.run(RUN, progress=progress, cancelled=lambda: bool(told))
    assert told[0] >= 1
    assert waiting.ground.names("index/") == [names.index(waiting.state.writer(), 0)]

    end(holder)
    assert_everything_goes_on(waiting)


@pytest.mark.usefixtures("no_patience")
def test_run_gives_up_with_the_process_that_it_waited_for_and_commits_when_that_is_gone(
    waiting: Host, holder: Process
) -> None:
    with pytest.raises(LedgerBusyError, match=f"is held by process {holder.pid} of this host") as given_up:
        waiting.run(RUN)
    assert given_up.value.retryable
    assert waiting.ground.names("index/") == [names.index(waiting.state.writer(), 0)]

    end(holder)
    assert_everything_goes_on(waiting)


@pytest.mark.usefixtures("no_patience")
def test_run_does_without_the_process_where_the_lock_does_not_name_it(waiting: Host) -> None:
    waiting.state.ledger_lock.write_text("")

    with pytest.raises(LedgerBusyError, match="is held by another process of this host"):
        waiting.run(RUN)


def test_wait_is_one_event_with_the_process_that_is_waited_for(
    waiting: Host, holder: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turn, "_TOLD_AFTER_SECONDS", 0.0)
    told: list[str] = []

    def progress(step: str, **_: int) -> None:
        if step == WAITS:
            told.append(step)

    with capture_logs() as events, pytest.raises(CancelledError):
        waiting.run(RUN, progress=progress, cancelled=lambda: len(told) > 1)

    (event,) = [event for event in events if event["event"] == "run-waits"]
    assert (event["waits_for"], event["process"]) == ("another commit of this host", holder.pid)


def test_run_has_its_turn_when_the_other_goes_on_and_is_told_as_a_commit_again(waiting: Host, holder: Process) -> None:
    steps: list[str] = []

    def progress(step: str, **_: int) -> None:
        steps.append(step)
        if step == WAITS:
            holder.send_signal(signal.SIGCONT)

    receipt = waiting.run(RUN, progress=progress)

    assert holder.wait() == 0
    assert steps[len(steps) - steps[::-1].index(WAITS)] == "commit"
    assert waiting.ground.read_back(receipt.snapshot) == waiting.portrait()
    assert {snapshot.id.run for snapshot in waiting.ground.snapshots()} > {HOLDER, RUN}
    assert waiting.ground.findings() == []
