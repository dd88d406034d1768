"""Another process sends what waits of an entry while a new run of it begins: nothing is sealed or sent twice."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from proofkeep.backup import Backup, drive, sender
from proofkeep.backup.adopt import LeftRun
from proofkeep.backup.resume import resume
from proofkeep.backup.underway import SENT_ELSEWHERE
from proofkeep.errors import CancelledError, JournalBusyError
from proofkeep.unfinished import unfinished_runs
from tests.building import NO_WAIT, OPTIONS, Host, grown_host
from tests.decorating import Puts
from tests.scenarios.test_adoption import assert_truth, new_run, sealed_packs
from tests.scenarios.test_killed import killed

RUN = bytes(range(16))
READ = "put index/ 1"
"""Where a run has read its source to its end."""


@pytest.fixture
def host(scratch: Path) -> Host:
    return grown_host(scratch)


def left_run(host: Host) -> LeftRun:
    """What `resume-transfers` and an adoption open."""
    (left,) = unfinished_runs(host.state)
    identity = host.backup().identity
    return LeftRun(host.ground.connect(), host.state, left, identity, OPTIONS, clock=host.ground.now)


def retried_run(host: Host) -> Backup:
    return host.backup(RUN)


def send(opened: Backup) -> None:
    if isinstance(opened, LeftRun):
        resume(opened)
    else:
        drive(opened, wait=NO_WAIT)


@pytest.mark.parametrize(
    "step,opens",
    [("put packs/ 2", left_run), (READ, left_run), (READ, retried_run)],
    ids=["taken up", "committed", "retried"],
)
def test_new_run_waits_for_it_and_seals_and_sends_nothing_of_it_again(
    host: Host, step: str, opens: Callable[[Host], Backup]
) -> None:
    killed(host, RUN, step)
    packs = sealed_packs(host, RUN)
    holder, puts = opens(host).__enter__(), Puts()
    ended: list[bool] = []

    def progress(step: str, **_: int) -> None:
        if step == SENT_ELSEWHERE and not ended:
            ended.append(True)
            send(holder)
            holder.__exit__(None, None, None)

    snapshot = new_run(host, puts, progress=progress)

    assert ended
    assert packs.isdisjoint(puts.tried)
    assert packs <= set(host.ground.names("packs/"))
    assert_truth(host, snapshot)


def test_new_run_takes_up_what_it_left_when_it_died(host: Host) -> None:
    killed(host, RUN, "put packs/ 1")
    packs = sealed_packs(host, RUN)
    holder = left_run(host).__enter__()
    ended: list[bool] = []

    def progress(step: str, **_: int) -> None:
        if step == SENT_ELSEWHERE and not ended:
            ended.append(True)
            holder.__exit__(None, None, None)

    with host.backup(progress=progress) as backup:
        snapshot = drive(backup, wait=NO_WAIT).snapshot

    assert [(each.run, each.packs) for each in backup.adopted] == [(RUN.hex(), len(packs))]
    assert_truth(host, snapshot)


def test_new_run_goes_on_without_one_that_stands_still_and_says_so(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    killed(host, RUN, "put packs/ 1")
    monkeypatch.setattr(sender, "LIMIT_SECONDS", 0.0)

    with left_run(host) as holder:
        with host.backup() as backup:
            receipt = drive(backup, wait=NO_WAIT)
        resume(holder)

    (finding,) = backup.findings
    assert (finding.code, finding.subject) == (JournalBusyError.code, f"run {RUN.hex()}")
    assert receipt.complete
    assert host.ground.read_back(receipt.snapshot) == host.portrait()
    assert host.ground.findings() == []


def test_new_run_that_is_cancelled_while_it_waits_ends_and_has_said_whom_it_waited_for(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed(host, RUN, "put packs/ 1")
    monkeypatch.setattr(sender, "_TOLD_AFTER_SECONDS", 0.0)
    told: list[int] = []

    def progress(step: str, **counts: int) -> None:
        if step == SENT_ELSEWHERE:
            told.append(counts["seconds"])

    with left_run(host), capture_logs() as events, pytest.raises(CancelledError):
        host.run(progress=progress, cancelled=lambda: bool(told))

    (event,) = [event for event in events if event["event"] == "run-waits"]
    assert (event["waits_for"], event["process"]) == (f"the process that sends run {RUN.hex()}", os.getpid())


def test_run_of_another_entry_does_not_wait(host: Host) -> None:
    killed(host, RUN, "put packs/ 1")
    steps: set[str] = set()

    with left_run(host):
        Host(host.ground, host.name, entry="another").run(progress=lambda step, **_: steps.add(step))

    assert SENT_ELSEWHERE not in steps


def test_lock_that_says_nothing_of_its_holder_is_not_waited_for(host: Host) -> None:
    killed(host, RUN, "put packs/ 1")

    with left_run(host) as holder:
        (host.state.run(holder.identity.run) / "lock").write_text("")
        receipt = host.run()

    assert host.ground.read_back(receipt.snapshot) == host.portrait()
