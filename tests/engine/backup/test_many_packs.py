"""A run of more packs than are in memory at a time, here one."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from proofkeep.errors import MalformedError
from proofkeep.ledger import read_chain
from tests.building import Host, content, grown_host, plant, small_frames, small_slabs


@pytest.fixture
def host(scratch: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    monkeypatch.setattr("proofkeep.journal.database._PAGE", 1)
    monkeypatch.setattr("proofkeep.catalog.database._PAGE", 1)
    return grown_host(scratch)


@pytest.fixture(autouse=True)
def small_packs() -> Iterator[None]:
    with small_slabs(), small_frames():
        yield


def test_record_names_the_packs_of_its_run_and_those_that_were_there(host: Host) -> None:
    before = set(host.ground.packs())

    receipt = host.run()

    packs, new = set(host.ground.newest_packs()), set(host.ground.packs()) - before
    assert len(new) > 10
    assert new < packs < new | before
    assert receipt.packs == len(packs)
    assert receipt.totals["stored"] == sum(host.ground.store.stat(pack.name).size for pack in new)
    assert host.ground.read_back(receipt.snapshot) == host.portrait()
    assert host.ground.findings() == []


def test_what_was_stored_is_known_to_the_next_run(host: Host) -> None:
    host.run()
    plant(host.source, {f"copy/{number}": content(1000 + number, 20_000) for number in range(14)})

    receipt = host.run()

    assert receipt.totals["new_bytes"] < 20_000
    assert host.ground.restored(receipt.snapshot)[0] == host.portrait()


def test_transfer_that_closed_late_is_named_by_several_entries(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a journal has it that an earlier version began."""
    repository, writer = host.ground.connect(), host.state.writer()
    before = set(host.ground.packs())
    *_, (_, head) = read_chain(repository, writer)
    monkeypatch.setattr("proofkeep.backup.vouch.MOST_PACKS", 3)

    receipt = host.run()

    entries = [entry for entry, _ in read_chain(repository, writer, head) if entry.kind == "transfer"]
    named = [[item.name for item in entry.objects if item.type == "pack"] for entry in entries]
    assert max(map(len, named)) == 3
    new = set(host.ground.packs()) - before
    assert sorted(name for names in named for name in names) == sorted(pack.name for pack in new)
    assert sum(item.type == "key" for entry in entries for item in entry.objects) == 1
    assert host.ground.read_back(receipt.snapshot) == host.portrait()
    assert host.ground.findings() == []


def test_entry_that_no_reader_would_take_is_refused_before_any_is_placed(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = host.ground.names("ledger/")
    monkeypatch.setattr("proofkeep.format.ledger_entry.MAX_ENTRY", 5000)

    with pytest.raises(MalformedError, match="larger than readers take"):
        host.run()

    assert host.ground.names("ledger/") == before
