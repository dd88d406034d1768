"""A chunk counts as stored only if its pack stays locked for as long as the snapshot is to be kept."""

from pathlib import Path

import pytest

from proofkeep.errors import AuthenticationError
from proofkeep.format import locks, names
from proofkeep.format.locks import Locks
from proofkeep.format.names import PackId
from proofkeep.format.pack_set import encode_packs
from tests.building import START_NS, Host, planted_host, put

DAY_NS = 86_400 * 10**9
KEPT_UNTIL = START_NS + 90 * DAY_NS


@pytest.fixture
def host(scratch: Path) -> Host:
    host = planted_host(scratch)
    host.run(expires_ns=KEPT_UNTIL)
    return host


def lock(host: Host, packs: list[PackId], until: int, number: int = 0, *, key: bytes = b"") -> None:
    """A locks object of the host's writer, as retention writes it once the store confirmed the date."""
    repository, writer = host.ground.connect(), host.state.writer()
    keys = repository.keys.current
    content = Locks(encode_packs(sorted(packs)), until)
    body = locks.seal_locks(key or keys.index, repository.id, writer, keys.epoch, number, content)
    put(host.ground.store, names.locks(writer, number), body)


def test_pack_locked_too_briefly_is_sent_again(host: Host) -> None:
    packs = host.ground.packs()
    lock(host, packs, KEPT_UNTIL - 1)

    receipt = host.run(expires_ns=KEPT_UNTIL)

    assert set(packs).isdisjoint(host.ground.newest_packs())
    assert host.ground.read_back(receipt.snapshot) == host.portrait()


def test_what_was_sent_again_for_its_lock_is_not_sent_a_third_time(host: Host) -> None:
    lock(host, host.ground.packs(), KEPT_UNTIL - 1)
    host.run(expires_ns=KEPT_UNTIL)

    assert host.run(expires_ns=KEPT_UNTIL).totals["new_chunks"] == 0


@pytest.mark.parametrize("expires", [KEPT_UNTIL, KEPT_UNTIL - DAY_NS, None])
def test_pack_locked_long_enough_is_referred_to(host: Host, expires: int | None) -> None:
    packs = host.ground.packs()
    lock(host, packs, KEPT_UNTIL)

    receipt = host.run(expires_ns=expires)

    assert receipt.totals["new_chunks"] == 0
    assert host.ground.newest_packs() == packs


def test_newest_date_of_several_locks_counts(host: Host) -> None:
    packs = host.ground.packs()
    lock(host, packs, KEPT_UNTIL, number=0)
    lock(host, packs, KEPT_UNTIL - DAY_NS, number=1)

    assert host.run(expires_ns=KEPT_UNTIL).totals["new_chunks"] == 0


def test_locks_object_that_does_not_hold_is_reported_and_passed_over(host: Host) -> None:
    lock(host, host.ground.packs(), KEPT_UNTIL - 1, key=bytes(32))

    with host.backup() as backup:
        findings = backup.findings
    receipt = host.run(expires_ns=KEPT_UNTIL)

    assert [finding.code for finding in findings] == [AuthenticationError.code]
    assert receipt.totals["new_chunks"] == 0
