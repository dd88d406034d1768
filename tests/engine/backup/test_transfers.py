"""Transfers: the same on every retry, each pack sent and proven once, wrapped keys first."""

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace as with_options
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from proofkeep.backup import Backup, drive
from proofkeep.chunking import ChunkSizes
from proofkeep.errors import PackMissingError, StoreUnavailableError, TransferFailedError
from proofkeep.journal import Transfer
from proofkeep.model import ObjectStat
from proofkeep.repository import Repository
from proofkeep.stores.local import LocalStore
from tests.building import NO_WAIT, OPTIONS, Ground, Host, content, plant, small_frames
from tests.decorating import Crash, Fuse, WatchedStore, watched_host

QUARTER = 100_000
FILES = 40


@pytest.fixture
def host(scratch: Path) -> Iterator[Host]:
    """Content for about eight transfers."""
    host = Host(
        Ground(scratch / "ground", ChunkSizes(1 << 10, 4 << 10, 16 << 10)),
        options=with_options(OPTIONS, spool_limit=4 * QUARTER),
    )
    plant(host.source, {f"f{number:02}": content(number, 20_000) for number in range(FILES)})
    with small_frames():
        yield host


def seal(backup: Backup) -> list[Transfer]:
    """The streaming stages; what closed on the way. The spool is made large enough to hold everything."""
    closed: list[Transfer] = []
    backup.begin()
    backup.checksum(backup.encrypt(backup.compress(backup.snapshot())), closed.append)
    return closed


def roomy(host: Host, **how: Any) -> Backup:
    """A run whose spool takes everything, with transfers of the usual size."""
    return host.backup(**how, spool_limit=40 * QUARTER)


def test_transfers_hold_every_pack_once_and_no_more_than_a_quarter_of_the_spool(host: Host) -> None:
    sealed: list[Transfer] = []
    with host.backup() as backup:
        drive(backup, wait=NO_WAIT)
        sealed = backup.transfers()
        packs = [backup.journal.transfer_packs(transfer.number) for transfer in sealed]

    assert len(sealed) >= 6
    assert [transfer.number for transfer in sealed] == list(range(len(sealed)))
    assert sorted(pack.id for transfer in packs for pack in transfer) == host.ground.packs()
    for transfer, held in zip(sealed[:-1], packs[:-1], strict=True):
        sizes = [pack.size for pack in held]
        assert sum(sizes[:-1]) < QUARTER <= sum(sizes) == transfer.bytes
        digest = sha256(b"".join(pack.id.name.encode() + pack.sha256 for pack in held)).hexdigest()
        assert transfer.digest == digest


def test_retry_finds_the_same_transfers(host: Host) -> None:
    with roomy(host) as backup:
        closed = seal(backup)
        run = backup.identity.run

    with roomy(host, run=run) as backup:
        assert not backup.needs_sealing
        assert backup.transfers() == closed
        receipts = [(backup.upload(transfer), backup.verify(transfer)) for transfer in backup.transfers()]
        backup.commit()

    assert [upload.digest for upload, _ in receipts] == [transfer.digest for transfer in closed]


@pytest.mark.parametrize("finished", [1, 9, 17, 30])
def test_interrupted_sealing_keeps_what_was_sealed_and_its_transfers(host: Host, finished: int) -> None:
    run = os.urandom(16)
    count = 0
    fuse = Fuse()
    one_after_another = threading.Lock()

    def around(operation: str, name: str, call: Callable[[], Any]) -> Any:
        nonlocal count
        if operation != "Journal.add_pack":
            return fuse(operation, name, call)
        with one_after_another:
            count += 1
            if count > finished:
                fuse.blow()
            return fuse(operation, name, call)

    with watched_host(around), suppress(Crash), host.backup(run, spool_limit=40 * QUARTER) as backup:
        seal(backup)
    with host.backup(run) as backup:
        transfers = backup.transfers()
        sealed = {pack.id for pack in backup.journal.packs()}
    with host.backup(run) as backup:
        assert backup.transfers() == transfers

    host.run(run)

    assert len(sealed) == finished
    assert sealed < set(host.ground.packs())
    assert {len(places) for places in host.ground.second_reader().places.values()} == {1}
    assert host.ground.findings() == []


class Refusing:
    """Refuses chosen puts and counts all of them."""

    def __init__(self, refused: Callable[[str], bool]) -> None:
        self.refused = refused
        self.asked: list[str] = []

    def __call__(self, operation: str, name: str, call: Callable[[], Any]) -> Any:
        if operation == "put":
            self.asked.append(name)
            if self.refused(name):
                raise StoreUnavailableError(f"object {name} was refused")
        return call()


def through(host: Host, around: Any) -> Repository:
    return host.ground.connect(store=WatchedStore(host.ground.store, around))


def test_retry_sends_only_what_did_not_arrive(host: Host) -> None:
    refusing = Refusing(lambda name: name.startswith("packs/") and name[-1] in "13579bdf")
    run = os.urandom(16)
    with roomy(host, run=run, repository=through(host, refusing)) as backup, pytest.raises(StoreUnavailableError):
        drive(backup, wait=NO_WAIT)
    arrived = set(host.ground.packs())
    again = Refusing(lambda _: False)

    receipt = host.run(run, repository=through(host, again))

    assert arrived
    assert {name for name in again.asked if name.startswith("packs/")}.isdisjoint(pack.name for pack in arrived)
    assert len(again.asked) == len(set(again.asked))
    assert host.ground.read_back(receipt.snapshot) == host.portrait()


def test_failed_attempts_are_counted_in_the_ledger(host: Host) -> None:
    first: set[str] = set()

    def lose(operation: str, name: str, call: Callable[[], Any]) -> Any:
        if operation == "put" and name.startswith("packs/") and name not in first:
            first.add(name)
            raise TransferFailedError(f"object {name} broke off")
        return call()

    host.run(repository=through(host, lose))

    ((*chain,),) = host.ground.second_reader().chains.values()
    attempts = {item["attempts"] for _, entry in chain for item in entry["objects"] if item["type"] == "pack"}
    assert attempts == {2}


def test_wrapped_keys_travel_before_any_pack_under_them(host: Host) -> None:
    watching = Refusing(lambda _: False)

    host.run(repository=through(host, watching))

    first_pack = next(place for place, name in enumerate(watching.asked) if name.startswith("packs/"))
    assert {name.split("/")[0] for name in watching.asked[:first_pack]} == {"keys"}


def test_steps_say_how_much_they_did(host: Host) -> None:
    with roomy(host) as backup:
        seal(backup)
        transfer = backup.transfers()[0]
        receipts = [step(transfer) for step in (backup.upload, backup.upload, backup.verify, backup.verify)]

    assert [receipt.done_now for receipt in receipts] == [transfer.packs, 0, transfer.packs, 0]
    assert [receipt.by for receipt in receipts] == ["local", "local", "store", "store"]


def test_pack_is_read_back_by_a_process_that_did_not_put_it(host: Host) -> None:
    run = os.urandom(16)
    with roomy(host, run=run) as backup:
        seal(backup)
        transfer = backup.transfers()[0]
        backup.upload(transfer)

    elsewhere = host.ground.connect(store=LocalStore(host.ground.root / "store"))
    with roomy(host, run=run, repository=elsewhere) as backup:
        assert backup.verify(transfer).by == "read-back"


def test_pack_is_proven_by_the_store_itself_where_it_was_seen_to_check(host: Host) -> None:
    host.run()
    (host.source / "more").write_bytes(content(777, 3000))
    reads: list[str] = []

    def stating(operation: str, name: str, call: Callable[[], Any]) -> Any:
        result = call()
        if operation == "read":
            reads.append(name)
        if isinstance(result, ObjectStat):
            return replace(result, sha256=sha256(host.ground.store.get(name)).digest())
        return result

    repository = through(host, stating)
    checking = replace(repository.descriptor.capabilities, refuses_wrong_digest=True)
    with host.backup(
        repository=replace(repository, descriptor=replace(repository.descriptor, capabilities=checking))
    ) as backup:
        drive(backup, wait=NO_WAIT)
        proven = {pack.verified.by for pack in backup.journal.packs() if pack.verified}

    assert proven == {"store"}
    assert not [name for name in reads if name.startswith("packs/")]


@pytest.mark.parametrize("harm", [b"", b"other bytes"])
def test_pack_that_did_not_arrive_as_it_was_sealed_is_sealed_again(host: Host, harm: bytes) -> None:
    run = os.urandom(16)
    harmed: list[str] = []

    def spoil(operation: str, name: str, call: Callable[[], Any]) -> Any:
        result = call()
        if operation == "put" and name.startswith("packs/") and not harmed:
            harmed.append(name)
            file = host.ground.root / "store" / name
            file.write_bytes(file.read_bytes()[: -len(harm) or None] + harm if harm else b"")
        return result

    with pytest.raises(PackMissingError, match=r"did not arrive"):
        host.run(run, repository=through(host, spoil))

    receipt = host.run(run)

    assert host.ground.read_back(receipt.snapshot) == host.portrait()
    assert not (host.state.run(run) / "spool").exists() or not list((host.state.run(run) / "spool").iterdir())


def test_pack_lost_from_the_spool_before_it_was_sent_is_sealed_again(host: Host) -> None:
    with roomy(host) as backup:
        seal(backup)
        lost = list(backup.journal.packs())[3]
        backup.spool.file(lost.id).unlink()
        run = backup.identity.run

    receipt = host.run(run)

    assert receipt.snapshot.endswith(".0002")
    assert lost.id not in host.ground.packs()
    assert host.ground.read_back(receipt.snapshot) == host.portrait()
