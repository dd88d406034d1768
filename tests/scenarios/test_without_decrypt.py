"""A backup host holds the public wrapping key and the host secret, and no right to decrypt."""

from collections.abc import Callable
from pathlib import Path

import pytest

from proofkeep.errors import KeyDeniedError, StateDamagedError
from proofkeep.snapshots import DataKeys
from tests.building import Host, content, plant, plant_some, planted_host


@pytest.fixture
def host(scratch: Path) -> Host:
    """A host with one snapshot."""
    host = planted_host(scratch)
    host.run()
    return host


def test_backup_host_cannot_open_what_it_sealed(host: Host) -> None:
    (pack, *_) = host.ground.packs()

    with pytest.raises(KeyDeniedError):
        DataKeys(host.ground.connect(), [host.ground.wrapping])(pack.writer, pack.data_key)

    assert DataKeys(host.ground.connect(), [host.ground.unwrapping])(pack.writer, pack.data_key)


def test_catalog_is_rebuilt_from_ledger_and_index_and_nothing_is_sent_again(host: Host) -> None:
    packs = host.ground.packs()
    host.state.catalog_file.unlink()

    receipt = host.run()

    assert (receipt.totals["new_chunks"], receipt.totals["stored"]) == (0, 0)
    assert receipt.totals["read_bytes"] > 0
    assert host.ground.packs() == packs
    assert host.ground.read_back(receipt.snapshot) == host.portrait()


def test_new_host_deduplicates_against_what_it_never_sealed(host: Host) -> None:
    packs = host.ground.packs()
    other = Host(host.ground, "other")
    plant_some(other.source)

    receipt = other.run()

    assert receipt.totals["new_bytes"] == 0
    assert {pack.writer for pack in host.ground.packs() if pack not in packs} <= {other.state.writer()}
    assert host.ground.read_back(receipt.snapshot) == other.portrait()


HARM: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda data: data[:0],
    "other content": lambda data: b"no database" * len(data),
    "cut": lambda data: data[: len(data) // 2],
    "first page blank": lambda data: data[:100] + bytes(4000) + data[4100:],
}


@pytest.mark.parametrize("harm", HARM.values(), ids=HARM)
def test_damaged_catalog_is_rebuilt(host: Host, harm: Callable[[bytes], bytes]) -> None:
    file = host.state.catalog_file
    file.write_bytes(harm(file.read_bytes()))
    plant(host.source, {"new": content(4000, 3000)})

    receipt = host.run()

    assert receipt.totals["new_bytes"] == 3000
    assert host.ground.read_back(receipt.snapshot) == host.portrait()
    assert host.run().totals["read_bytes"] == 0


def test_catalog_found_damaged_in_the_middle_of_a_run_is_rebuilt_by_the_next(host: Host) -> None:
    file = host.state.catalog_file
    pages = file.read_bytes()
    file.write_bytes(pages[:4096] + bytes([0xFF]) * (len(pages) - 4096))

    with pytest.raises(StateDamagedError, match="catalog is damaged"):
        host.run()

    assert host.run().totals["new_chunks"] == 0
