"""One writer's ledger chain does not hold: others go on, rely on nothing it cannot prove, and say so."""

import os
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from proofkeep.backup import drive
from proofkeep.errors import (
    AuthenticationError,
    LedgerAheadError,
    LedgerMismatchError,
    MalformedError,
    RollbackError,
    UnsupportedVersionError,
)
from proofkeep.format import ledger_entry, names
from proofkeep.format.ledger_entry import LedgerEntry
from proofkeep.format.pack_set import decode_packs
from proofkeep.model import Clock, Finding
from proofkeep.snapshots import read_packs
from proofkeep.verify import verify
from tests.building import NO_WAIT, Host, content, plant, planted_host, put
from tests.decorating import WatchedStore

HOUR_NS = 3600 * 10**9
Harm = Callable[[Path], object]


@pytest.fixture
def host(scratch: Path) -> Host:
    return planted_host(scratch)


@pytest.fixture
def bad(host: Host) -> Host:
    """Another host of the repository; its chain is transfer, index, close, and that twice."""
    bad = Host(host.ground, "bad", entry="bad")
    plant(bad.source, {"shared": content(70, 5000)})
    bad.run()
    plant(bad.source, {"later": content(71, 5000)})
    bad.run()
    return bad


def entry_file(host: Host, sequence: int) -> Path:
    return host.ground.root / "ledger" / names.ledger(host.state.writer(), sequence)


def flip(file: Path) -> None:
    data = bytearray(file.read_bytes())
    data[data.index(b'"mac":"') + 8] ^= 1
    file.write_bytes(data)


HARM: dict[str, tuple[Harm, str]] = {
    "flipped": (flip, AuthenticationError.code),
    "cut": (lambda file: file.write_bytes(file.read_bytes()[:-1]), MalformedError.code),
    "gone": (Path.unlink, LedgerMismatchError.code),
    "of another version": (lambda file: file.write_bytes(b'{"v":2}'), UnsupportedVersionError.code),
    "of no version": (lambda file: file.write_bytes(b"{}"), MalformedError.code),
}


def run(host: Host, **how: Any) -> tuple[Any, list[Finding]]:
    with host.backup(**how) as backup:
        return drive(backup, wait=NO_WAIT), backup.findings


def says(findings: list[Finding], of: Host) -> set[str]:
    subject = f"ledger of writer {of.state.writer().hex()}"
    return {finding.code for finding in findings if finding.subject == subject}


@pytest.mark.parametrize("harm, code", HARM.values(), ids=HARM)
@pytest.mark.parametrize("sequence", [0, 1, 3])
def test_other_writers_back_up_and_restore_and_report_it(
    host: Host, bad: Host, harm: Harm, code: str, sequence: int
) -> None:
    harm(entry_file(bad, sequence))

    receipt, findings = run(host)

    assert says(findings, bad) == {code}
    portrait, report = host.ground.restored(receipt.snapshot)
    assert (portrait, report.intact) == (host.portrait(), True)
    assert code in {finding.code for finding in verify(host.ground.connect())[0].findings}


@pytest.mark.parametrize("harm, code", HARM.values(), ids=HARM)
def test_its_own_snapshots_are_restored_from_what_still_proves_itself(
    bad: Host, host: Host, harm: Harm, code: str
) -> None:
    latest = bad.ground.snapshots()[-1]
    harm(entry_file(bad, 2))

    portrait, report = host.ground.restored(latest.id.short)

    assert (portrait, report.intact) == (bad.portrait(), True)
    assert code in {finding.code for finding in verify(host.ground.connect())[0].findings}


@pytest.mark.parametrize("harm, code", HARM.values(), ids=HARM)
def test_it_does_not_append_to_its_own_chain(bad: Host, harm: Harm, code: str) -> None:
    bad.state.catalog_file.unlink()
    (bad.state.path / "heads.json").unlink()
    harm(entry_file(bad, 3))
    before = bad.ground.names("ledger/")

    with pytest.raises((AuthenticationError, LedgerMismatchError, MalformedError, UnsupportedVersionError)) as refused:
        bad.run()

    assert refused.value.code == code
    assert bad.ground.names("ledger/") == before


def test_it_goes_on_once_the_bytes_are_put_back(bad: Host) -> None:
    file = entry_file(bad, 5)
    body = file.read_bytes()
    flip(file)
    with pytest.raises(RollbackError):
        bad.run()
    file.write_bytes(body)

    receipt, findings = run(bad)

    assert findings == []
    assert bad.ground.read_back(receipt.snapshot) == bad.portrait()


def test_it_goes_on_as_another_writer(bad: Host) -> None:
    before = bad.state.writer()
    flip(entry_file(bad, 5))
    (bad.state.path / "writer").rename(bad.state.path / "writer.before")

    receipt, findings = run(bad)

    assert bad.state.writer() != before
    assert {finding.subject for finding in findings} == {f"ledger of writer {before.hex()}"}
    assert bad.ground.restored(receipt.snapshot)[0] == bad.portrait()


def test_packs_are_not_deduplicated_against_when_only_entries_behind_the_fault_vouch_for_them(
    host: Host, bad: Host
) -> None:
    flip(entry_file(bad, 2))
    plant(host.source, {"before": content(70, 5000), "behind": content(71, 5000)})

    receipt, _ = run(host)

    referred = {pack.writer for pack in host.ground.packs() if pack.name in pack_names(host, receipt.snapshot)}
    assert bad.state.writer() in referred
    assert receipt.totals["new_bytes"] == new_bytes_of(host) - 5000
    assert host.ground.restored(receipt.snapshot)[0] == host.portrait()


def test_files_that_lean_on_a_chain_rolled_back_since_are_sent_again(host: Host, bad: Host) -> None:
    plant(host.source, {"behind": content(71, 5000)})
    first = host.run()
    assert first.totals["new_bytes"] == new_bytes_of(host) - 5000
    for sequence in (3, 4, 5):
        entry_file(bad, sequence).unlink()

    receipt, findings = run(host)

    assert says(findings, bad) == {RollbackError.code}
    assert receipt.totals["new_bytes"] == 5000
    assert bad.state.writer().hex() not in "".join(pack_names(host, receipt.snapshot))
    assert host.ground.restored(receipt.snapshot)[0] == host.portrait()
    assert run(host)[0].totals["new_bytes"] == 0


def test_chain_that_is_gone_altogether_is_missed(host: Host, bad: Host) -> None:
    host.run()
    for sequence in range(6):
        entry_file(bad, sequence).unlink()

    _, findings = run(host)

    assert says(findings, bad) == {RollbackError.code}


def test_fork_of_a_chain_is_a_fault(host: Host, bad: Host) -> None:
    keys, repository = host.ground.connect().keys.current, host.ground.connect()
    forged = LedgerEntry(bad.state.writer(), 4, keys.epoch, host.ground.now(), "index", bytes(32), (), {"id": "00"})
    entry_file(bad, 4).write_bytes(ledger_entry.seal_entry(keys.ledger, repository.id, forged))

    _, findings = run(host)

    assert says(findings, bad) == {LedgerMismatchError.code}


def test_names_of_no_entry_are_no_part_of_a_chain(host: Host, bad: Host) -> None:
    writer = bad.state.writer().hex()
    for name in ("ledger/astray", f"ledger/{writer}/astray", f"ledger/{writer}/00000000.bak"):
        put(host.ground.ledger, name, b"{}")

    _, findings = run(host)

    assert findings == []
    assert verify(host.ground.connect())[0].intact


@pytest.mark.parametrize("body", [b"{}", b'{"v":2}', b"", b"\xff", b"[" * 10_000, b'{"v":1}'])
@pytest.mark.parametrize("name", [f"retired/{'ab' * 16}", f"retired/{'ab' * 16}.lifted", "retired/astray"])
def test_what_is_no_retirement_stops_nobody(host: Host, body: bytes, name: str) -> None:
    put(host.ground.store, name, body)

    receipt, findings = run(host)

    assert [finding.subject for finding in findings] == [name]
    assert host.ground.restored(receipt.snapshot)[0] == host.portrait()
    assert [finding.subject for finding in verify(host.ground.connect())[0].findings] == [name]


class ClockedStore(WatchedStore):
    """A store whose answers state the time."""

    def __init__(self, host: Host) -> None:
        super().__init__(host.ground.store, lambda _, __, call: call())
        self._now = host.ground.now

    @property
    def clock(self) -> Clock | None:
        return Clock(self._now(), self._now())


def write_from_the_future(host: Host, bad: Host) -> None:
    keys, repository = host.ground.connect().keys.current, host.ground.connect()
    before = sha256(entry_file(bad, 5).read_bytes()).digest()
    at = host.ground.now() + 48 * HOUR_NS
    entry = LedgerEntry(bad.state.writer(), 6, keys.epoch, at, "index", before, (), {"id": os.urandom(16).hex()})
    put(host.ground.ledger, names.ledger(entry.writer, 6), ledger_entry.seal_entry(keys.ledger, repository.id, entry))


def test_entry_from_the_future_stops_nobody_whose_clock_a_service_confirms(host: Host, bad: Host) -> None:
    write_from_the_future(host, bad)

    receipt, findings = run(host, repository=host.ground.connect(store=ClockedStore(host)))

    assert [finding.code for finding in findings] == [LedgerAheadError.code]
    assert receipt.clock_checked


def test_entry_from_the_future_stops_who_has_nothing_else_to_go_by(host: Host, bad: Host) -> None:
    write_from_the_future(host, bad)

    with pytest.raises(LedgerAheadError):
        host.run()


def pack_names(host: Host, snapshot: str) -> list[str]:
    (found,) = [each.id for each in host.ground.snapshots() if each.id.short == snapshot]
    return [pack.name for pack in decode_packs(read_packs(host.ground.connect(), found))]


def new_bytes_of(host: Host) -> int:
    return sum(path.stat().st_size for path in host.source.rglob("*") if path.is_file() and not path.is_symlink())
