"""What is told of a run when no store answers: nothing only where nothing is there."""

import os
from pathlib import Path

import pytest

from proofkeep.aftermath import last_commit, left_by
from proofkeep.backup import drive
from tests.building import NO_WAIT, Host, content, plant, planted_host, small_frames

TWO_DAYS_NS = 48 * 3600 * 10**9


@pytest.fixture
def host(scratch: Path) -> Host:
    host = planted_host(scratch)
    plant(host.source, {f"new/{number}": content(1000 + number, 20_000) for number in range(6)})
    return host


@pytest.fixture
def run(host: Host) -> bytes:
    """A run that sealed everything and sent nothing."""
    run = os.urandom(16)
    with small_frames(), host.backup(run) as backup:
        backup.begin()
        backup.checksum(backup.encrypt(backup.compress(backup.snapshot())), lambda _: None)
    return run


def test_run_of_which_nothing_is_here_left_nothing(host: Host) -> None:
    assert left_by(host.state_root, os.urandom(16)) is None
    assert left_by(host.state_root / "nowhere", os.urandom(16)) is None


def test_readable_journal_tells_what_waits(host: Host, run: bytes) -> None:
    left = left_by(host.state_root, run)

    assert left is not None
    assert (left.unreadable, left.sealed, left.sent, left.proven) == (False, True, 0, 0)
    assert left.waiting == len(list((host.state.run(run) / "spool").iterdir())) > 1


def test_packs_that_the_store_took_are_told_apart_from_those_it_was_shown_to_hold(host: Host, run: bytes) -> None:
    with small_frames(), host.backup(run) as backup:
        first, *_ = backup.transfers()
        backup.upload(first)
        sent = left_by(host.state_root, run)
        backup.verify(first)
        proven = left_by(host.state_root, run)

    assert sent is not None
    assert proven is not None
    assert (sent.sent, sent.proven) == (first.packs, 0)
    assert (proven.sent, proven.proven) == (0, first.packs)


def test_journal_that_cannot_be_read_is_not_taken_for_nothing(host: Host, run: bytes) -> None:
    file = host.state.run(run) / "journal.sqlite"
    file.write_bytes(b"no database" * 1000)
    for beside in file.parent.glob("journal.sqlite-*"):
        beside.unlink()

    left = left_by(host.state_root, run)

    assert left is not None
    assert left.unreadable
    assert left.waiting == 0


def test_spool_without_a_journal_is_not_taken_for_nothing(host: Host, run: bytes) -> None:
    for file in host.state.run(run).glob("journal.sqlite*"):
        file.unlink()

    left = left_by(host.state_root, run)

    assert left is not None
    assert left.unreadable


def test_spool_that_was_given_back_left_nothing(host: Host, run: bytes) -> None:
    folder = host.state.run(run)
    for file in [*folder.glob("journal.sqlite*"), *(folder / "spool").iterdir()]:
        file.unlink()

    assert left_by(host.state_root, run) is None


def test_commit_from_the_future_is_told_only_where_there_is_no_other(host: Host) -> None:
    backup = host.backup()
    backup.clock = lambda: host.ground.now() + TWO_DAYS_NS
    with backup:
        ahead = drive(backup, wait=NO_WAIT)
    alone = last_commit(host.state_root, {ahead.entry}, host.ground.now())

    receipt = host.run(known_ahead=(ahead.head,))

    told = last_commit(host.state_root, {ahead.entry}, host.ground.now())
    assert alone is not None
    assert told is not None
    assert (alone.snapshot, told.snapshot) == (ahead.snapshot, receipt.snapshot)
