"""Sending what abandoned runs left, with no source at hand."""

import os
import shutil
from pathlib import Path

import pytest

from proofkeep.backup.adopt import LeftRun
from proofkeep.backup.resume import Resumed, committed_before, resumable, resume
from proofkeep.errors import JournalBusyError, PackMissingError, UsageError
from proofkeep.unfinished import unfinished_runs
from tests.building import OPTIONS, Host, content, grown_host, plant
from tests.scenarios.test_adoption import sealed_packs
from tests.scenarios.test_killed import assert_nothing_stored_twice, killed


@pytest.fixture
def host(scratch: Path) -> Host:
    return grown_host(scratch)


def resumed(host: Host, *runs: str) -> list[Resumed]:
    """Every run that waits, resumed without a source or a data key."""
    done = []
    for left in resumable(host.state, runs):
        identity = host.backup().identity
        with LeftRun(host.ground.connect(), host.state, left, identity, OPTIONS, clock=host.ground.now) as opened:
            done.append(resume(opened))
    return done


def test_run_that_had_read_to_its_end_is_committed_without_its_source(host: Host) -> None:
    run = os.urandom(16)
    before = host.portrait()
    killed(host, run, "put index/ 1")
    shutil.rmtree(host.source)

    (done,) = resumed(host)

    assert done.committed is not None
    assert done.committed.snapshot == f"{run.hex()}.0001"
    assert host.ground.read_back(done.committed.snapshot) == before
    assert_nothing_stored_twice(host)
    assert host.ground.findings() == []
    assert unfinished_runs(host.state) == []


def test_packs_of_a_run_that_had_not_are_sent_and_used_by_the_next(host: Host) -> None:
    run = os.urandom(16)
    plant(host.source, {f"more/{number}": content(2000 + number, 20_000) for number in range(14)})  # no spool holds all
    killed(host, run, "put packs/ 2")
    sealed = sealed_packs(host, run)

    (done,) = resumed(host)
    stored = set(host.ground.names("packs/"))
    receipt = host.run()

    assert done.committed is None
    assert done.taken_up is not None
    assert done.sent > 0
    assert sealed
    assert sealed <= stored
    assert list((host.state.run(run) / "spool").iterdir()) == []
    assert host.ground.read_back(receipt.snapshot) == host.portrait()
    assert_nothing_stored_twice(host)
    assert host.ground.findings() == []


def test_resuming_twice_finds_nothing_the_second_time(host: Host) -> None:
    killed(host, os.urandom(16), "put packs/ 2")
    resumed(host)

    assert resumed(host) == []


def test_runs_of_every_entry_of_the_host_are_resumed(host: Host) -> None:
    runs = [os.urandom(16), os.urandom(16)]
    killed(host, runs[0], "put packs/ 1")
    other = Host(host.ground, host.name, entry="another")
    with other.backup(runs[1]) as backup:
        backup.begin()
        backup.checksum(backup.encrypt(backup.compress(backup.snapshot())), lambda _: None)

    done = resumed(host)

    assert {each.run: each.entry for each in done} == {runs[0].hex(): "entry", runs[1].hex(): "another"}
    (committed,) = [each.committed for each in done if each.committed is not None]
    assert host.ground.read_back(committed.snapshot) == host.portrait()


def test_snapshot_whose_packs_rotted_is_handed_to_the_next_run(host: Host) -> None:
    run = os.urandom(16)
    killed(host, run, "Journal.set_pack_sent 2")
    with host.backup(run) as backup:
        backup.begin()
        backup.checksum(backup.encrypt(backup.compress(backup.snapshot())), lambda _: None)
        stored = host.ground.names("packs/")  # by links to the spool's own files, which would rot with them
        file = max(backup.spool.file(pack.id) for pack in backup.journal.packs() if pack.id.name not in stored)
        unsent = sum(pack.sent is None for pack in backup.journal.packs())
    file.write_bytes(bytes(file.stat().st_size))

    (done,) = resumed(host)
    (again,) = resumed(host, run.hex())

    assert (done.committed, done.sent, done.missing) == (None, unsent - 1, {"damaged in this host's spool": 1})
    assert done.taken_up is not None
    assert done.taken_up.lost == 1
    assert isinstance(done.failure, PackMissingError)
    assert (again.sent, again.missing, str(again.failure)) == (0, done.missing, str(done.failure))
    assert resumable(host.state) == []
    assert resumable(host.state, earlier=[run.hex()]) == unfinished_runs(host.state)
    receipt = host.run()
    assert host.ground.read_back(receipt.snapshot) == host.portrait()


def test_live_and_unknown_runs_are_refused_by_name_and_passed_over_else(host: Host) -> None:
    with host.backup() as live:
        live.begin()
        live.checksum(live.encrypt(live.compress(live.snapshot())), lambda _: None)

        assert resumable(host.state) == []
        with pytest.raises(JournalBusyError):
            resumable(host.state, [live.identity.run.hex()])
    with pytest.raises(UsageError, match="nothing on this host that was not committed"):
        resumable(host.state, ["00" * 16])


def test_adopted_run_that_had_read_to_its_end_can_still_be_committed_by_name(host: Host) -> None:
    run = os.urandom(16)
    before = host.portrait()
    killed(host, run, "put index/ 1")
    plant(host.source, {"later": b"later"})
    host.run()
    assert resumable(host.state) == []

    (done,) = resumed(host, run.hex())

    assert done.committed is not None
    assert host.ground.read_back(done.committed.snapshot) == before


def test_named_run_that_is_committed_is_done_and_keeps_no_other_from_being_sent(host: Host) -> None:
    run, other = os.urandom(16), os.urandom(16)
    killed(host, run, "put index/ 1")
    resumed(host)
    plant(host.source, {"later": b"later"})
    killed(host, other, "put index/ 1")
    names = [run.hex(), other.hex()]

    (before,) = committed_before(host.state, names)
    (done,) = resumed(host, *names)

    assert before.committed is not None
    assert (before.run, before.entry, before.sent, before.failure) == (run.hex(), "entry", 0, None)
    assert done.run == other.hex()
