"""A run of more packs than are in memory at a time, here one."""

from collections.abc import Iterator
from pathlib import Path

import pytest

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
