"""A host committed while its clock was two days ahead: once a person says so, backups go on and nothing is hidden."""

import os
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from proofkeep.backup import Backup, drive
from proofkeep.backup.commit import CommitReceipt
from proofkeep.errors import LedgerAheadError
from proofkeep.snapshots import find_snapshot
from proofkeep.status import newest_complete
from proofkeep.verify import verify
from tests.building import NO_WAIT, Host, content, plant, planted_host
from tests.scenarios.test_two_writers import seal_and_send

HOUR_NS = 3600 * 10**9
AHEAD = 48


@pytest.fixture
def host(scratch: Path) -> Host:
    """A host with one snapshot."""
    host = planted_host(scratch)
    host.run()
    return host


@pytest.fixture
def other(host: Host) -> Host:
    """Another host of the same repository, with one snapshot of its own."""
    other = planted_beside(host, "other")
    other.run()
    return other


def planted_beside(host: Host, name: str) -> Host:
    beside = Host(host.ground, name, entry=name)
    plant(beside.source, {name: content(60, 3000)})
    return beside


def opened_at(host: Host, hours: float, run: bytes | None = None, **options: Any) -> Backup:
    """A run that is not opened yet, on a host whose clock says so many hours later than the ground's."""
    backup = host.backup(run, **options)
    backup.clock = lambda: host.ground.now() + int(hours * HOUR_NS)
    return backup


def run_at(host: Host, hours: float, run: bytes | None = None, **options: Any) -> CommitReceipt:
    """One whole run there, of a source that has something new."""
    plant(host.source, {f"at-{hours}-{os.urandom(2).hex()}": content(int(hours), 2500)})
    with opened_at(host, hours, run, **options) as backup:
        return drive(backup, wait=NO_WAIT)


def refused_head(host: Host, hours: float = 0) -> str:
    """What the refusal of a run says is from the future: a head, or several."""
    with pytest.raises(LedgerAheadError, match=r"newest ledger entry is \d+\.\d hours ahead") as refused:
        run_at(host, hours)
    return str(refused.value).rpartition(": ")[2]


def newest(host: Host, hours_later: float) -> str:
    """The snapshot that the status goes by, so many hours later."""
    now = host.ground.now() + int(hours_later * HOUR_NS)
    return newest_complete(host.ground.connect(), [host.entry], now)[host.entry].id.short


def latest(host: Host) -> str:
    repository = host.ground.connect()
    return find_snapshot(repository, "latest", entry=host.entry).id.short


def test_run_that_names_the_entry_commits_and_the_next_needs_nothing(host: Host) -> None:
    ahead = run_at(host, AHEAD)
    head = refused_head(host)

    with capture_logs() as events, opened_at(host, 0, known_ahead=(head,)) as backup:
        receipt = drive(backup, wait=NO_WAIT)
    after = host.run()

    assert head == ahead.head
    assert [finding.code for finding in backup.findings] == [LedgerAheadError.code]
    (told,) = [event for event in events if event["event"] == "ledger-ahead-known"]
    assert (told["head"], told["hours"]) == (head, AHEAD)
    assert host.ground.read_back(receipt.snapshot) == host.ground.restored(receipt.snapshot)[0] == host.portrait()
    assert (latest(host), len(host.ground.snapshots())) == (after.snapshot, 4)
    assert verify(host.ground.connect())[0].findings == []
    assert host.ground.findings() == []


def test_run_that_was_refused_is_retried_once_another_has_committed(host: Host) -> None:
    run = os.urandom(16)
    run_at(host, AHEAD)
    with pytest.raises(LedgerAheadError):
        run_at(host, 0, run)
    run_at(host, 0, known_ahead=(refused_head(host),))

    receipt = host.run(run)

    assert receipt.snapshot.startswith(run.hex())
    assert latest(host) == receipt.snapshot
    assert host.ground.read_back(receipt.snapshot) == host.portrait()


def test_commit_of_the_host_that_was_ahead_settles_it_for_every_host(host: Host, other: Host) -> None:
    run_at(host, AHEAD)
    head = refused_head(other)
    run_at(host, 0, known_ahead=(head,))

    receipt = run_at(other, 0)

    assert other.ground.read_back(receipt.snapshot) == other.portrait()


def test_where_the_host_that_was_ahead_is_gone_another_settles_it_for_all(host: Host, other: Host) -> None:
    run_at(host, AHEAD)
    head = refused_head(other)
    run_at(other, 0, known_ahead=(head,))

    third = planted_beside(host, "third")

    receipts = run_at(other, 0), run_at(third, 0)

    assert (latest(other), latest(third)) == tuple(receipt.snapshot for receipt in receipts)


def test_what_is_known_of_one_entry_is_not_known_of_the_next(host: Host, other: Host) -> None:
    run_at(host, AHEAD)
    head = refused_head(other)
    run_at(host, AHEAD)

    with pytest.raises(LedgerAheadError):
        run_at(other, 0, known_ahead=(head,))


def test_host_whose_clock_is_behind_is_refused_by_what_others_committed(host: Host, other: Host) -> None:
    heads = refused_head(other, -AHEAD).split(", ")

    assert {head.partition(":")[0] for head in heads} == {each.state.writer().hex() for each in (host, other)}


def test_every_entry_from_the_future_is_named_at_once(host: Host, other: Host) -> None:
    run_at(host, AHEAD)
    run_at(other, AHEAD + 1)
    third = planted_beside(host, "third")
    heads = refused_head(third).split(", ")

    receipt = run_at(third, 0, known_ahead=tuple(heads))

    assert len(heads) == 2
    assert latest(third) == receipt.snapshot


@pytest.mark.parametrize("hours_later", [1, 30, 47.5, 49, 100])
def test_what_is_committed_afterwards_is_newer_whenever_somebody_asks(host: Host, hours_later: float) -> None:
    run_at(host, AHEAD)
    head = refused_head(host)
    receipt = run_at(host, 0.5, known_ahead=(head,))

    assert newest(host, hours_later) == receipt.snapshot
    assert latest(host) == receipt.snapshot
    assert [each.id.short for each in host.ground.snapshots()][-1] == receipt.snapshot


def test_snapshots_under_a_clock_ahead_keep_their_order_before_what_followed(host: Host) -> None:
    (first,) = [each.id.short for each in host.ground.snapshots()]
    one, two = run_at(host, AHEAD), run_at(host, AHEAD + 2)
    three = run_at(host, 1, known_ahead=(refused_head(host, 1),))
    four = run_at(host, 2)

    told = [each.id.short for each in host.ground.snapshots()]

    assert told == [first, one.snapshot, two.snapshot, three.snapshot, four.snapshot]


def test_snapshot_ahead_that_nothing_followed_is_the_latest(host: Host) -> None:
    receipt = run_at(host, AHEAD)

    assert latest(host) == receipt.snapshot


def test_run_that_is_committed_hours_late_keeps_the_place_of_its_instant(host: Host) -> None:
    with opened_at(host, 1) as late:
        seal_and_send(late)
        newer = run_at(host, 20)
        late.clock = lambda: host.ground.now() + 30 * HOUR_NS

        resumed = late.commit()

    told = [each.id.short for each in host.ground.snapshots()]
    assert told[-2:] == [resumed.snapshot, newer.snapshot]
    assert latest(host) == newer.snapshot


def test_order_needs_no_ledger_entry_where_instants_agree_with_the_chain(host: Host) -> None:
    receipt = run_at(host, 2)
    for name in host.ground.names("ledger/"):
        host.ground.ledger.delete(name)

    assert latest(host) == receipt.snapshot


def test_entry_that_cannot_be_read_refutes_no_instant(host: Host) -> None:
    ahead = run_at(host, AHEAD)
    run_at(host, 0, known_ahead=(refused_head(host),))
    for name in host.ground.names("ledger/"):
        host.ground.ledger.delete(name)

    assert latest(host) == ahead.snapshot
