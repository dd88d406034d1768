"""One object cannot be had while the rest can: a bad sector, a wrong mode, a lost key. And a store that is away."""

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from proofkeep.catalog import Catalog, refresh
from proofkeep.errors import (
    KeyMissingError,
    ObjectUnreadableError,
    ProofkeepError,
    StoreDeniedError,
    StoreUnavailableError,
    TransferFailedError,
)
from proofkeep.format import names
from proofkeep.model import Finding
from proofkeep.ports import ObjectStore
from proofkeep.restore import RestoreReport, restore
from proofkeep.snapshots import ChunkStore, DataKeys, find_snapshot, list_snapshots
from proofkeep.targets.directory import DirectoryTarget
from proofkeep.verify import verify
from tests.building import Host, content, plant, planted_host
from tests.decorating import WatchedStore
from tests.engine.targets.trees import portrait

ERRORS = [StoreUnavailableError, StoreDeniedError, TransferFailedError]


@pytest.fixture
def host(scratch: Path) -> Host:
    """Two runs, so that there are two packs of content, of one data key each."""
    host = planted_host(scratch)
    host.run()
    plant(host.source, {"later": content(90, 9000)})
    host.run()
    return host


def failing(store: ObjectStore, fails: Callable[[str], bool], error: type[ProofkeepError]) -> WatchedStore:
    """The store, with reads of some objects that fail; a stream does so in its middle."""

    def around(operation: str, name: str, call: Callable[[], Any]) -> Any:
        if operation == "read" and fails(name):
            return broken_off(call(), error)
        if operation == "get" and fails(name):
            raise error(f"object {name}: the directory answers EIO")
        return call()

    return WatchedStore(store, around)


def broken_off(pieces: Iterator[bytes], error: type[ProofkeepError]) -> Iterator[bytes]:
    yield next(pieces)
    raise error("the directory answers EIO")


def restored(host: Host, **stores: ObjectStore) -> tuple[dict[bytes, Any], RestoreReport, list[Finding]]:
    repository = host.ground.connect(**stores)
    target = host.ground.root / "out"
    with closing(Catalog(host.ground.root / "out.catalog")) as catalog:
        damage = refresh(repository, catalog, {})
        data_keys = DataKeys(repository, [host.ground.unwrapping])
        chunks = ChunkStore(repository, catalog, data_keys)
        report = restore(repository, chunks, data_keys, find_snapshot(repository, "latest"), DirectoryTarget(target))
    return portrait(target), report, damage


def pack_of_later(host: Host) -> str:
    with host.catalog() as catalog:
        (numbers,) = set(map(tuple, catalog.chunk_packs(chunks_of(host, b"later")).values()))
        return catalog.pack(numbers[0]).id.name


def chunks_of(host: Host, path: bytes) -> list[bytes]:
    with host.catalog() as catalog:
        path_id = host.ground.connect().keys.ids.path_id(path)
        (row,) = catalog._rows("SELECT chunks FROM files WHERE path_id=?", (path_id,))
        return [row[0][at : at + 32] for at in range(0, len(row[0]), 32)]


@pytest.mark.parametrize("error", ERRORS)
def test_restore_goes_on_without_a_pack_that_cannot_be_read(host: Host, error: type[ProofkeepError]) -> None:
    pack = pack_of_later(host)

    found, report, _ = restored(host, store=failing(host.ground.store, lambda name: name == pack, error))

    assert [(finding.code, finding.path) for finding in report.findings] == [(ObjectUnreadableError.code, b"later")]
    expected = host.portrait()
    assert {path: what for path, what in found.items() if path} == {
        path: what for path, what in expected.items() if path not in {b"", b"later"}
    }


@pytest.mark.parametrize("error", ERRORS)
def test_verify_goes_on_behind_an_object_that_cannot_be_read(host: Host, error: type[ProofkeepError]) -> None:
    pack = pack_of_later(host)
    store = failing(host.ground.store, lambda name: name == pack, error)

    report, _ = verify(host.ground.connect(store=store), read=1.0)

    assert (ObjectUnreadableError.code, pack) in [(finding.code, finding.subject) for finding in report.findings]
    assert report.read == report.objects - 1


def test_index_that_cannot_be_read_is_reported_and_done_without(host: Host) -> None:
    first = host.ground.names("index/")[0]
    store = failing(host.ground.store, lambda name: name == first, StoreUnavailableError)

    found, report, damage = restored(host, store=store)

    assert (found, report.intact) == (host.portrait(), True)
    assert [(finding.code, finding.subject) for finding in damage] == [(ObjectUnreadableError.code, first)]


def test_record_that_cannot_be_read_is_a_finding_of_the_listing(host: Host) -> None:
    first = host.ground.names("snapshots/")[0]
    store = failing(host.ground.store, lambda name: name == first, StoreUnavailableError)

    found, findings = list_snapshots(host.ground.connect(store=store))

    assert len(found) == 1
    assert [(finding.code, finding.subject) for finding in findings] == [(ObjectUnreadableError.code, first)]


def test_ledger_entry_that_cannot_be_read_is_a_fault_of_its_chain(host: Host) -> None:
    entry = names.ledger(host.state.writer(), 1)
    ledger = failing(host.ground.ledger, lambda name: name == entry, StoreUnavailableError)

    found, report, damage = restored(host, ledger=ledger)

    assert (found, report.intact) == (host.portrait(), True)
    assert [finding.code for finding in damage] == [ObjectUnreadableError.code]


@pytest.mark.parametrize("harm", ["gone", "damaged"])
def test_files_under_a_lost_data_key_are_lost_and_the_others_restored(host: Host, harm: str) -> None:
    _, _, data_key, _ = pack_of_later(host).split("/")
    first = next(pack for pack in host.ground.packs() if pack.data_key.hex() != data_key)
    (name,) = host.ground.names(f"keys/{first.writer.hex()}/{first.data_key.hex()}/")
    file = host.ground.root / "store" / name
    if harm == "gone":
        file.unlink()
    else:
        file.write_bytes(file.read_bytes().replace(b'"ciphertext":"01', b'"ciphertext":"02'))

    found, report, _ = restored(host)

    lost = {finding.path for finding in report.findings}
    assert lost == {f"d{number % 2}/f{number}".encode() for number in range(6)}
    assert {finding.code for finding in report.findings} == {
        KeyMissingError.code if harm == "gone" else "authentication"
    }
    assert b"later" in found


@pytest.mark.parametrize("which", ["store", "ledger"])
def test_store_that_is_away_is_not_taken_for_damage(host: Host, which: str) -> None:
    repository = host.ground.connect()
    away = failing(getattr(host.ground, which), lambda _: True, StoreUnavailableError)
    repository = replace(repository, **{"store" if which == "store" else "ledger_store": away})

    with pytest.raises(StoreUnavailableError):
        verify(repository, read=1.0)
