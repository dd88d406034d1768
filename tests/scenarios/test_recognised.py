"""A run that was committed after its state directory was copied, met again once the copy was put back."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from proofkeep.backup import drive
from proofkeep.errors import ObjectExistsError, StoreDeniedError, UsageError
from proofkeep.unfinished import abandon, unfinished_runs
from tests.building import NO_WAIT, Host, content, plant, planted_host
from tests.decorating import WatchedStore
from tests.engine.backup.test_generations import RefusingSource
from tests.scenarios.test_put_back import asks_for_somebody, copy_of, grow, put_back
from tests.scenarios.test_resume import resumed


@pytest.fixture
def host(scratch: Path) -> Host:
    """A host with one snapshot."""
    host = planted_host(scratch)
    host.run()
    return host


def copied_before_it_began(host: Host, _: bytes) -> Path:
    return copy_of(host, "state")


def copied_before_its_end(host: Host, run: bytes) -> Path:
    """With packs in the spool, of a source that was not read to its end."""
    with host.backup(run) as backup:
        backup.begin()
        backup.checksum(backup.encrypt(backup.compress(backup.snapshot())), lambda _: None)
        backup.journal.set_fact("end", None)
    return copy_of(host, "state")


def copied_sealed(host: Host, run: bytes) -> Path:
    """With everything in the spool."""
    with host.backup(run) as backup:
        backup.begin()
        backup.checksum(backup.encrypt(backup.compress(backup.snapshot())), lambda _: None)
    return copy_of(host, "state")


@pytest.mark.parametrize("copied", [copied_before_it_began, copied_before_its_end, copied_sealed])
def test_retry_of_a_run_that_was_committed_after_its_state_was_copied_finds_its_snapshot(
    copied: Callable[[Host, bytes], Path], host: Host
) -> None:
    grow(host, 1)
    run = os.urandom(16)
    older = copied(host, run)
    receipt = host.run(run)
    put_back(older)
    objects = host.ground.names("")

    again = host.run(run)

    assert (again.snapshot, again.complete, again.totals) == (receipt.snapshot, True, receipt.totals)
    assert (again.head, again.source_at, again.packs) == (receipt.head, receipt.source_at, receipt.packs)
    assert host.ground.names("") == objects
    assert (unfinished_runs(host.state), list((host.state.run(run) / "spool").iterdir())) == ([], [])
    with pytest.raises(UsageError, match="has committed its snapshot"):
        abandon(host.state_root, run.hex())
    assert host.run(run) == again
    assert host.ground.read_back(host.run().snapshot) == host.portrait()
    assert host.ground.findings() == []
    assert asks_for_somebody(host)


@pytest.mark.parametrize("given_up", [False, True])
def test_next_run_takes_up_nothing_of_it_and_loses_nothing(given_up: bool, host: Host) -> None:  # noqa: FBT001 - pytest's
    grow(host, 1)
    run = os.urandom(16)
    older = copied_sealed(host, run)
    receipt = host.run(run)
    put_back(older)
    if given_up:
        abandon(host.state_root, run.hex())

    with host.backup() as backup:
        later = drive(backup, wait=NO_WAIT)

    assert (backup.adopted, later.totals["new_chunks"]) == ([], 0)
    assert [left.abandoned for left in unfinished_runs(host.state)] == [True] * given_up
    assert host.run(run).snapshot == receipt.snapshot
    assert unfinished_runs(host.state) == []
    assert host.ground.findings() == []


def test_resuming_it_tells_its_snapshot_and_sends_nothing(host: Host) -> None:
    grow(host, 1)
    run = os.urandom(16)
    older = copied_sealed(host, run)
    receipt = host.run(run)
    put_back(older)

    (done,) = resumed(host, run.hex())

    assert done.committed is not None
    assert (done.committed.snapshot, done.sent, done.failure) == (receipt.snapshot, 0, None)


def test_incomplete_snapshot_of_it_is_completed_by_the_next_generation(host: Host) -> None:
    plant(host.source, {"moving": content(1, 5000)})
    run = os.urandom(16)
    older = copy_of(host, "state")
    host.partial_run(run, source=RefusingSource(host.source, label="refusing"))
    put_back(older)

    receipt = host.run(run)

    assert receipt.snapshot == f"{run.hex()}.0002"
    assert host.ground.read_back(receipt.snapshot) == host.portrait()
    assert host.ground.findings() == []


def test_record_of_it_that_was_not_closed_is_recognised_once_another_run_has_closed_it(host: Host) -> None:
    grow(host, 1)
    run = os.urandom(16)
    older = copied_sealed(host, run)
    records: list[str] = []

    def cut_behind_the_record(operation: str, name: str, call: Callable[[], Any]) -> Any:
        if records and name.startswith("ledger/"):
            raise StoreDeniedError("no")
        if (operation, name[:10]) == ("put", "snapshots/"):
            records.append(name)
        return call()

    stores = {name: WatchedStore(getattr(host.ground, name), cut_behind_the_record) for name in ("store", "ledger")}
    with pytest.raises(StoreDeniedError):
        host.run(run, repository=host.ground.connect(**stores))
    put_back(older)
    with pytest.raises(ObjectExistsError):
        host.run(run)

    host.run()
    receipt = host.run(run)

    assert receipt.snapshot == f"{run.hex()}.0001"
    assert host.ground.read_back(receipt.snapshot) == host.portrait()
    assert host.ground.findings() == []


def test_record_of_it_that_no_ledger_names_is_not_believed(host: Host) -> None:
    grow(host, 1)
    run = os.urandom(16)
    older = copied_sealed(host, run)
    ledger = copy_of(host, "ledger")
    host.run(run)
    put_back(older)
    put_back(ledger)

    with pytest.raises(ObjectExistsError):
        host.run(run)
