"""Giving up what a run left: the spool is free, the loss is told, and nobody goes on as if nothing had happened."""

import os
import time
from pathlib import Path

import pytest

from proofkeep.backup import Backup, drive
from proofkeep.backup.checksum import OnTransfer
from proofkeep.errors import JournalBusyError, RunAbandonedError, UsageError
from proofkeep.journal import Transfer
from proofkeep.unfinished import abandon, all_unfinished_runs, unfinished_runs
from tests.building import NO_WAIT, Host, content, plant, planted_host, small_frames


@pytest.fixture
def host(scratch: Path) -> Host:
    host = planted_host(scratch)
    plant(host.source, {f"new/{number}": content(1000 + number, 20_000) for number in range(6)})
    return host


def seal(backup: Backup, on_transfer: OnTransfer = lambda _: None) -> None:
    """Everything up to the spool."""
    backup.begin()
    backup.checksum(backup.encrypt(backup.compress(backup.snapshot())), on_transfer)


def left_by(host: Host, run: bytes, *, sent: bool = False) -> int:
    """A run that sealed everything and stopped; with its first transfer sent and proven if asked. Its packs."""
    with small_frames(), host.backup(run, spool_limit=200_000) as backup:

        def send_first(transfer: Transfer) -> None:
            if sent and transfer.number == 0:
                backup.upload(transfer)
                backup.verify(transfer)

        seal(backup, send_first)
        return backup.journal.size()[0]


def test_spool_is_free_and_the_loss_is_told(host: Host) -> None:
    run = os.urandom(16)
    packs = left_by(host, run)
    spool = host.state.run(run) / "spool"
    size = sum(file.stat().st_size for file in spool.iterdir())

    told = abandon(host.state_root, run.hex())

    assert list(spool.iterdir()) == []
    assert (told.packs, told.bytes, told.freed, told.kept, told.ended) == (packs, size, size, 0, True)
    assert told.entry == host.entry
    assert packs > 1


def test_next_run_reads_and_sends_what_was_given_up(host: Host) -> None:
    run = os.urandom(16)
    left_by(host, run)
    abandon(host.state_root, run.hex())

    receipt = host.run()

    assert receipt.totals["new_chunks"] > 0
    assert host.ground.read_back(receipt.snapshot) == host.portrait()
    assert host.ground.findings() == []


def test_what_had_arrived_is_kept_and_counted_on_by_the_next_run(host: Host) -> None:
    run = os.urandom(16)
    packs = left_by(host, run, sent=True)

    told = abandon(host.state_root, run.hex())
    before = set(host.ground.names("packs/"))
    with host.backup() as backup:
        receipt = drive(backup, wait=NO_WAIT)
        (adopted,) = backup.adopted

    assert told.kept + told.packs == packs
    assert told.kept == adopted.packs == len(before) > 0
    assert adopted.sent == 0
    assert host.ground.read_back(receipt.snapshot) == host.portrait()
    assert host.ground.findings() == []


def test_packs_that_were_sent_and_not_proven_are_remembered_with_their_bytes(host: Host) -> None:
    run = os.urandom(16)
    with small_frames(), host.backup(run, spool_limit=200_000) as backup:
        seal(backup)
        backup.upload(backup.transfers()[0])
        sizes = [pack.size for pack in backup.journal.packs() if pack.sent is not None]

    told = abandon(host.state_root, run.hex())
    abandon(host.state_root, run.hex())
    host.run()
    make_old(host.state.run(run) / "journal.sqlite")
    host.run()

    (left,) = unfinished_runs(host.state)
    assert told.unproven == len(sizes) > 0
    assert (left.abandoned, left.remains, left.remains_bytes) == (True, len(sizes), sum(sizes))
    assert not left.holds_packs


def make_old(file: Path) -> None:
    """As if nobody had touched it for longer than finished runs are kept."""
    long_ago = time.time() - 40 * 24 * 3600
    os.utime(file, (long_ago, long_ago))


def test_live_run_is_refused_and_untouched(host: Host) -> None:
    with host.backup() as live:
        seal(live)
        run = live.identity.run.hex()
        before = sorted((host.state.run(live.identity.run) / "spool").iterdir())

        with pytest.raises(JournalBusyError, match=f"another process works on {run}"):
            abandon(host.state_root, run)

        assert sorted((host.state.run(live.identity.run) / "spool").iterdir()) == before
        assert live.journal.end is not None


def test_retry_of_an_abandoned_run_is_refused(host: Host) -> None:
    run = os.urandom(16)
    left_by(host, run)
    abandon(host.state_root, run.hex())

    with pytest.raises(RunAbandonedError, match=f"run {run.hex()} was abandoned"):
        host.run(run)

    assert host.ground.names("packs/") == []


def test_abandoning_again_changes_nothing(host: Host) -> None:
    run = os.urandom(16)
    left_by(host, run)
    abandon(host.state_root, run.hex())

    again = abandon(host.state_root, run.hex())

    assert (again.packs, again.freed) == (0, 0)


def test_committed_and_unknown_runs_are_refused(host: Host) -> None:
    run = os.urandom(16)
    host.run(run)

    with pytest.raises(UsageError, match="has committed its snapshot"):
        abandon(host.state_root, run.hex())
    with pytest.raises(UsageError, match="has no journal on this host"):
        abandon(host.state_root, "00" * 16)


@pytest.mark.parametrize("spelled", ["*", "", "?" * 32, "[0-9a-f]*", "."])
def test_pattern_or_nothing_gives_up_no_run(host: Host, spelled: str) -> None:
    run = os.urandom(16)
    left_by(host, run)

    with pytest.raises(UsageError, match="is not 32 hex digits"):
        abandon(host.state_root, spelled)

    (left,) = unfinished_runs(host.state)
    assert (left.run, left.abandoned, left.holds_packs) == (run.hex(), False, True)


def test_run_whose_journal_cannot_be_read_goes_as_a_whole(host: Host) -> None:
    run = os.urandom(16)
    left_by(host, run)
    folder = host.state.run(run)
    for part in folder.glob("journal.sqlite*"):
        part.unlink()
    (folder / "journal.sqlite").write_bytes(b"no database at all" * 100)
    assert [each.damaged for each in unfinished_runs(host.state)] == [True]

    told = abandon(host.state_root, run.hex())

    assert told.damaged
    assert told.freed > 0
    assert [file.name for file in folder.rglob("*") if file.is_file()] == ["lock"]


def test_left_runs_of_every_repository_are_found(host: Host, scratch: Path) -> None:
    other = planted_host(scratch / "other")
    runs = [os.urandom(16), os.urandom(16)]
    left_by(host, runs[0])
    left_by(other, runs[1])
    os.rename(other.state.path, host.state_root / other.state.path.name)  # noqa: PTH104 - as if it had been there

    found = all_unfinished_runs(host.state_root)

    assert {each.run for each in found} == {run.hex() for run in runs}
    assert all(each.holds_packs and each.ended for each in found)
