"""Packs that the retention role retires before, during and after a run."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from proofkeep.backup import drive
from proofkeep.errors import AuthenticationError, PackRetiredError, TransferFailedError
from proofkeep.format.names import PackId
from tests.building import Host, content, plant, planted_host
from tests.decorating import WatchedStore


@pytest.fixture
def host(scratch: Path) -> Host:
    """A host with one snapshot, two packs."""
    host = planted_host(scratch)
    host.run()
    return host


class Retiring:
    """Does `what` once, when an object of that prefix is put: just before, or just after."""

    def __init__(self, prefix: str, what: Callable[[], None], *, after: bool) -> None:
        self.prefix = prefix
        self.what = what
        self.after = after
        self.done = False

    def __call__(self, operation: str, name: str, call: Callable[[], Any]) -> Any:
        due = operation == "put" and name.startswith(self.prefix) and not self.done
        self.done |= due
        if due and not self.after:
            self.what()
        result = call()
        if due and self.after:
            self.what()
        return result


def run_while(host: Host, run: bytes, around: Any) -> None:
    host.run(run, repository=host.ground.connect(store=WatchedStore(host.ground.store, around)))


def test_pack_retired_before_the_run_is_sent_again_and_not_referred_to(host: Host) -> None:
    retired = host.ground.packs()
    host.ground.retire(retired)

    receipt = host.run()

    assert set(host.ground.newest_packs()).isdisjoint(retired)
    assert host.ground.read_back(receipt.snapshot) == host.portrait()


def test_what_was_sent_again_is_not_sent_a_third_time(host: Host) -> None:
    host.ground.retire(host.ground.packs())
    host.run()

    receipt = host.run()

    assert (receipt.totals["new_chunks"], receipt.totals["stored"]) == (0, 0)


@pytest.mark.parametrize("prefix", ["keys/", "index/"])
def test_pack_retired_before_the_record_stops_the_commit(host: Host, prefix: str) -> None:
    retired = host.ground.packs()
    plant(host.source, {"new": content(9, 2000)})
    run = os.urandom(16)
    retiring = Retiring(prefix, lambda: host.ground.retire(retired), after=True)

    with pytest.raises(PackRetiredError):
        run_while(host, run, retiring)

    receipt = host.run(run)
    assert set(host.ground.newest_packs()).isdisjoint(retired)
    assert host.ground.read_back(receipt.snapshot) == host.portrait()


@pytest.mark.parametrize("when", ["just before", "just after"])
def test_record_that_names_a_retired_pack_is_withdrawn_by_the_next(host: Host, when: str) -> None:
    retired = host.ground.packs()
    run = os.urandom(16)
    retiring = Retiring("snapshots/", lambda: host.ground.retire(retired), after=when == "just after")
    with pytest.raises(PackRetiredError):
        run_while(host, run, retiring)
    assert len(host.ground.snapshots()) == 2

    receipt = host.run(run)

    newest = host.ground.snapshots()[-1]
    assert [snapshot.id.short for snapshot in host.ground.snapshots()][1:] == [receipt.snapshot]
    assert newest.facts.withdraws == [(run, 1)]
    assert set(host.ground.newest_packs()).isdisjoint(retired)
    assert host.ground.read_back(receipt.snapshot) == host.portrait()
    assert host.ground.findings() == []


def test_record_whose_answer_was_lost_is_withdrawn_too(host: Host) -> None:
    run, retired = os.urandom(16), host.ground.packs()

    def retire_and_break_off() -> None:
        host.ground.retire(retired)
        raise TransferFailedError("no answer")

    with pytest.raises(PackRetiredError):
        run_while(host, run, Retiring("snapshots/", retire_and_break_off, after=True))

    host.run(run)

    assert host.ground.snapshots()[-1].facts.withdraws == [(run, 1)]


def test_commit_is_not_tried_again_when_a_pack_of_its_own_is_retired(host: Host) -> None:
    records: list[str] = []

    def count(operation: str, name: str, call: Callable[[], Any]) -> Any:
        records.extend([name] if operation == "put" and name.startswith("snapshots/") else [])
        return retiring(operation, name, call)

    retiring = Retiring("snapshots/", lambda: host.ground.retire(host.ground.packs()), after=True)
    waits: list[float] = []
    with (
        host.backup(repository=host.ground.connect(store=WatchedStore(host.ground.store, count))) as backup,
        pytest.raises(PackRetiredError) as retired,
    ):
        drive(backup, wait=waits.append)

    assert (retired.value.retryable, len(records), waits) == (False, 1, [])


def test_only_what_is_missing_is_sent_under_the_new_generation(host: Host) -> None:
    plant(host.source, {"new": content(9, 2000)})
    run, retired = os.urandom(16), host.ground.packs()
    with pytest.raises(PackRetiredError):
        run_while(host, run, Retiring("snapshots/", lambda: host.ground.retire(retired), after=True))
    sealed = set(host.ground.packs()) - set(retired)

    receipt = host.run(run)

    assert sealed < set(host.ground.newest_packs())
    assert receipt.totals["new_bytes"] == sum(path.stat().st_size for path in host.source.glob("d*/*"))


def test_pack_of_this_run_retired_after_the_record_is_sealed_again(host: Host) -> None:
    plant(host.source, {"new": content(9, 2000)})
    run, before = os.urandom(16), set(host.ground.packs())
    own: list[PackId] = []

    def retire_own() -> None:
        own.extend(set(host.ground.packs()) - before)
        host.ground.retire(own)

    with pytest.raises(PackRetiredError):
        run_while(host, run, Retiring("snapshots/", retire_own, after=True))
    for pack in own:
        host.ground.store.delete(pack.name)

    receipt = host.run(run)

    assert host.ground.read_back(receipt.snapshot) == host.portrait()
    assert host.run().totals["new_chunks"] == 0


def test_lifted_pack_is_referred_to_again(host: Host) -> None:
    packs = host.ground.packs()
    host.ground.retire(packs, lift=True)

    receipt = host.run()

    assert receipt.totals["new_chunks"] == 0
    assert host.ground.newest_packs() == packs


def test_what_lifts_one_retirement_does_not_lift_another_of_the_same_pack(host: Host) -> None:
    packs = host.ground.packs()
    host.ground.retire(packs, lift=True)
    host.ground.retire(packs)

    host.run()

    assert set(host.ground.newest_packs()).isdisjoint(packs)


def test_forged_retirement_is_ignored_and_reported(host: Host) -> None:
    host.ground.retire(host.ground.packs(), key=ec.generate_private_key(ec.SECP384R1()))

    with host.backup() as backup:
        findings = backup.findings
    receipt = host.run()

    assert [finding.code for finding in findings] == [AuthenticationError.code]
    assert findings[0].subject.startswith("retired/")
    assert receipt.totals["new_chunks"] == 0
