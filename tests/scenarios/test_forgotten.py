"""A state directory that forgot something: told wherever it did, and not where it did not."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from proofkeep.backup import drive
from proofkeep.backup.adopt import LeftRun
from proofkeep.backup.resume import resumable, resume
from proofkeep.errors import (
    ObjectExistsError,
    PackRetiredError,
    PartialSnapshotError,
    StateFullError,
    StoreDeniedError,
    StoreUnavailableError,
)
from proofkeep.format import names
from proofkeep.history import History
from proofkeep.ledger import load_heads
from proofkeep.repository import Repository
from proofkeep.status.judging import judge, newest_complete
from proofkeep.unfinished import abandon
from proofkeep.verify import verify_here
from tests.building import NO_WAIT, OPTIONS, Host, content, plant, planted_host
from tests.decorating import WatchedStore
from tests.engine.backup.test_generations import RefusingSource
from tests.scenarios.test_put_back import asks_for_somebody, copy_of, grow, put_back
from tests.scenarios.test_recognised import copied_before_its_end, copied_sealed
from tests.scenarios.test_resume import resumed


@pytest.fixture
def host(scratch: Path) -> Host:
    """A host with one snapshot, and a file that is new since."""
    host = planted_host(scratch)
    host.run()
    grow(host, 1)
    return host


def around_store(host: Host, around: Callable[[str, str, Callable[[], Any]], Any]) -> Repository:
    return host.ground.connect(store=WatchedStore(host.ground.store, around))


def without_record(host: Host, run: bytes) -> None:
    """Run it up to its record, which the store denies."""

    def deny(operation: str, name: str, call: Callable[[], Any]) -> Any:
        if (operation, name.partition("/")[0]) == ("put", "snapshots"):
            raise StoreDeniedError("no")
        return call()

    with pytest.raises(StoreDeniedError):
        host.run(run, repository=around_store(host, deny))


def damage_journal(host: Host, run: bytes) -> None:
    for file in host.state.run(run).glob("journal.sqlite*"):
        file.unlink()
    (host.state.run(run) / "journal.sqlite").write_bytes(b"no database at all" * 100)


def sealed_without_a_file(host: Host, run: bytes) -> RefusingSource:
    """Seal a run from the source that is returned, which does not give one file."""
    plant(host.source, {"moving": content(1, 5000)})
    refusing = RefusingSource(host.source, label="refusing")
    with host.backup(run, source=refusing) as backup:
        backup.begin()
        backup.checksum(backup.encrypt(backup.compress(backup.snapshot())), lambda _: None)
    return refusing


def test_entry_that_the_disk_does_not_give_is_a_finding_of_the_host_that_remembers_it(host: Host) -> None:
    entry = names.ledger(host.state.writer(), load_heads(host.state.heads_file)[host.state.writer()].sequence)

    def unreadable(operation: str, name: str, call: Callable[[], Any]) -> Any:
        if operation in {"get", "read"} and name == entry:
            raise StoreUnavailableError(f"object {name} was answered with EIO")
        return call()

    ledger = WatchedStore(host.ground.ledger, unreadable)
    report = verify_here(host.ground.connect(ledger=ledger), host.state)

    assert {"object-unreadable", "rollback"} <= {finding.code for finding in report.findings}


def test_incomplete_snapshot_of_a_resumed_run_is_told_as_one(host: Host) -> None:
    run = os.urandom(16)
    refusing = sealed_without_a_file(host, run)
    older = copy_of(host, "state")
    host.partial_run(run, source=refusing)
    put_back(older)
    assert [left.run for left in resumable(host.state, [run.hex()])] == [run.hex()]

    (done,) = resumed(host, run.hex())

    assert done.committed is not None
    assert isinstance(done.failure, PartialSnapshotError)


def test_run_that_ended_incomplete_while_others_were_resumed_is_told_as_that(host: Host) -> None:
    run = os.urandom(16)
    refusing = sealed_without_a_file(host, run)
    (left,) = resumable(host.state)
    receipt = host.partial_run(run, source=refusing)

    how = {"clock": host.ground.now}
    with LeftRun(host.ground.connect(), host.state, left, host.backup().identity, OPTIONS, **how) as opened:
        done = resume(opened)

    assert done.committed is not None
    assert (done.committed.snapshot, done.committed.complete) == (receipt.snapshot, False)
    assert isinstance(done.failure, PartialSnapshotError)


@pytest.mark.parametrize("error", [KeyboardInterrupt, StateFullError("disk of the state directory is full")])
def test_loss_is_told_although_the_run_that_met_it_was_cut_there(
    error: BaseException | type[BaseException], host: Host
) -> None:
    run = os.urandom(16)
    older = copied_sealed(host, run)
    host.run(run)
    put_back(older)
    with (
        patch("proofkeep.backup.recognised.note_loss", side_effect=error),
        pytest.raises((KeyboardInterrupt, StateFullError)),
    ):
        host.run(run)

    host.run(run)

    assert asks_for_somebody(host)


def test_retry_of_a_run_that_a_put_back_state_never_heard_of_tells_it(host: Host) -> None:
    older = copy_of(host, "state")
    run = os.urandom(16)
    without_record(host, run)
    put_back(older)

    host.run(run)

    assert asks_for_somebody(host)


@pytest.mark.parametrize("first", ["run", "verify"])
def test_state_that_was_copied_as_a_run_began_is_noticed(first: str, host: Host) -> None:
    run = os.urandom(16)
    with host.backup(run) as backup:
        backup.begin()
    older = copy_of(host, "state")
    host.run(run)
    put_back(older)

    if first == "verify":
        verify_here(host.ground.connect(), host.state)
    host.run()

    assert asks_for_somebody(host)


def gone(host: Host, run: bytes) -> None:
    shutil.rmtree(host.state.run(run))


def given_up(host: Host, run: bytes) -> None:
    damage_journal(host, run)
    abandon(host.state_root, run.hex())


@pytest.mark.parametrize("lose", [gone, given_up])
def test_folder_alone_of_a_committed_run_is_no_loss_of_the_state(
    lose: Callable[[Host, bytes], None], host: Host
) -> None:
    run = os.urandom(16)
    receipt = host.run(run)
    host.run()
    lose(host, run)

    assert host.run(run).snapshot == receipt.snapshot
    assert not asks_for_somebody(host)


def without_remembered_head(host: Host, run: bytes) -> None:
    """Run it up to its closing entry, and cut it before it remembers its head."""
    with patch("proofkeep.backup.commit.save_heads", side_effect=KeyboardInterrupt), pytest.raises(KeyboardInterrupt):
        host.run(run)


@pytest.mark.parametrize("cut", [without_record, without_remembered_head])
def test_run_that_was_given_up_since_its_journal_was_damaged_is_no_loss_of_the_state(
    cut: Callable[[Host, bytes], None], host: Host
) -> None:
    run = os.urandom(16)
    cut(host, run)
    given_up(host, run)

    host.run()

    assert not asks_for_somebody(host)


def test_snapshot_that_a_run_withdrew_does_not_stand_for_what_waits_of_it(host: Host) -> None:
    run, old = os.urandom(16), host.ground.packs()
    retired: list[str] = []

    def retire_once(operation: str, name: str, call: Callable[[], Any]) -> Any:
        given = call()
        if operation == "put" and name.startswith("snapshots/") and not retired:
            retired.append(name)
            host.ground.retire([old[0]])
        return given

    with (
        host.backup(run, repository=around_store(host, retire_once)) as backup,
        pytest.raises(PackRetiredError),
    ):
        drive(backup, wait=NO_WAIT)
    committed: list[Any] = []
    newest_complete(host.ground.connect(), ["entry"], host.ground.now(), on_complete=committed.append)

    with History(host.state_root) as history:
        report = judge(host.state_root, history, [], {}, host.ground.now(), committed=committed)

    assert [(left.run, left.snapshot) for left in report.left] == [(run.hex(), None)]


def test_snapshot_of_a_run_is_none_of_a_clone_that_sealed_more(host: Host) -> None:
    run = os.urandom(16)
    copied_before_its_end(host, run)
    clone = Host(host.ground, "clone")
    shutil.copytree(host.state_root, clone.state_root)
    plant(clone.source, {f"only here {number}": content(number, 30_000) for number in range(5)})
    with clone.backup(run) as backup:
        backup.begin()
        backup.checksum(backup.encrypt(backup.compress(backup.snapshot())), lambda _: None)
    host.run(run)

    with pytest.raises(ObjectExistsError):
        clone.run(run)
