"""Packs that vanish from the store, or never arrived as they were sealed."""

import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from proofkeep.backup import Backup, drive
from proofkeep.chunking import ChunkSizes
from proofkeep.errors import PackMissingError
from proofkeep.format.header import ObjectType, decode
from proofkeep.format.names import PackId
from proofkeep.model import Node
from proofkeep.sources.directory import DirectorySource
from tests.building import NO_WAIT, Ground, Host, content, plant, planted_host, small_slabs
from tests.decorating import WatchedStore, watched_host


@pytest.fixture
def host(scratch: Path) -> Host:
    return planted_host(scratch)


def pack_of(host: Host, kind: ObjectType) -> PackId:
    """A stored pack of that type."""
    packs = {decode(host.ground.store.get(pack.name, length=128), "").type: pack for pack in host.ground.packs()}
    return packs[kind]


def cut(host: Host, pack: PackId) -> None:
    (host.ground.root / "store" / pack.name).write_bytes(host.ground.store.get(pack.name)[:-1])


def remove(host: Host, pack: PackId) -> None:
    host.ground.store.delete(pack.name)


@pytest.mark.parametrize("kind", [ObjectType.CONTENT_PACK, ObjectType.SEGMENT_PACK])
@pytest.mark.parametrize("harm", [remove, cut])
def test_commit_refuses_when_a_deduplicated_pack_is_gone(
    host: Host, kind: ObjectType, harm: Callable[[Host, PackId], None]
) -> None:
    host.run()
    pack = pack_of(host, kind)
    harm(host, pack)

    with pytest.raises(PackMissingError, match=pack.name):
        host.run()

    assert len(host.ground.snapshots()) == 1


def test_commit_refuses_packs_whose_data_key_is_gone_and_the_retry_sends_them_again(host: Host) -> None:
    host.run()
    plant(host.source, {"second": content(60, 3000)})
    host.run()
    lost = host.ground.packs()[0]
    for name in host.ground.names(f"keys/{lost.writer.hex()}/{lost.data_key.hex()}/"):
        host.ground.store.delete(name)
    run = os.urandom(16)

    with pytest.raises(PackMissingError, match="without a sound key"):
        host.run(run)

    receipt = host.run(run)
    assert host.ground.read_back(receipt.snapshot) == host.portrait()
    assert lost not in host.ground.newest_packs()
    assert host.run().totals["stored"] == 0


@pytest.mark.parametrize("harm", [lambda _: b"", lambda form: form[:-9], lambda form: form[:-1] + b"]"])
def test_commit_refuses_packs_whose_data_key_does_not_hold_and_the_retry_sends_them_again(
    host: Host, harm: Callable[[bytes], bytes]
) -> None:
    host.run()
    for name in host.ground.names("keys/"):
        form = host.ground.root / "store" / name
        form.chmod(0o600)
        form.write_bytes(harm(form.read_bytes()))
    run = os.urandom(16)

    with pytest.raises(PackMissingError, match="without a sound key"):
        host.run(run)

    receipt = host.run(run)
    assert host.ground.read_back(receipt.snapshot) == host.portrait()


def test_data_key_that_lies_under_the_name_of_another_does_not_count(host: Host) -> None:
    host.run()
    plant(host.source, {"second": content(60, 3000)})
    host.run()
    first, second = (host.ground.root / "store" / name for name in host.ground.names("keys/"))
    first.chmod(0o600)
    first.write_bytes(second.read_bytes())

    with pytest.raises(PackMissingError, match="without a sound key"):
        host.run()


@pytest.mark.parametrize("kind", [ObjectType.CONTENT_PACK, ObjectType.SEGMENT_PACK])
def test_retry_sends_again_what_was_in_the_pack_that_is_gone_and_nothing_else(host: Host, kind: ObjectType) -> None:
    host.run()
    gone, kept = pack_of(host, kind), set(host.ground.packs())
    remove(host, gone)
    run = os.urandom(16)
    with pytest.raises(PackMissingError):
        host.run(run)

    receipt = host.run(run)

    assert host.ground.read_back(receipt.snapshot) == host.portrait()
    (sent,) = set(host.ground.packs()) - kept
    assert pack_of(host, kind) == sent
    assert host.run().totals["stored"] == 0


def test_once_found_out_other_runs_of_the_host_seal_it_anew(host: Host) -> None:
    host.run()
    remove(host, pack_of(host, ObjectType.CONTENT_PACK))
    finder = os.urandom(16)
    with pytest.raises(PackMissingError):
        host.run(finder)

    receipts = [host.run(), host.run(finder)]

    assert [host.ground.read_back(receipt.snapshot) for receipt in receipts] == [host.portrait()] * 2
    assert receipts[0].totals["new_chunks"] > receipts[1].totals["new_chunks"] == 0


def test_pack_that_another_run_of_the_host_dropped_is_not_left_out_of_the_record(host: Host) -> None:
    host.run()
    gone = pack_of(host, ObjectType.CONTENT_PACK)
    waiting, finder = os.urandom(16), os.urandom(16)
    with host.backup(waiting) as backup:
        seal(backup)
        remove(host, gone)
        with pytest.raises(PackMissingError):
            host.run(finder)

        with pytest.raises(PackMissingError, match=gone.name):
            drive(backup, wait=NO_WAIT)

    assert host.ground.read_back(host.run(waiting).snapshot) == host.portrait()


def test_catalog_lost_between_sealing_and_commit_does_not_change_what_the_record_refers_to(scratch: Path) -> None:
    host = planted_host(scratch)
    (host.state.path / "writer").write_text("ff" * 16)
    other = Host(host.ground, "other")
    (other.state.path / "writer").write_text("00" * 16)  # a rebuilt catalog meets its packs first
    plant(other.source, {"b": content(2, 5000)})
    host.run()
    other.run()
    plant(host.source, {"a": content(1, 5000)})
    run = os.urandom(16)
    with host.backup(run) as backup:
        seal(backup)
    host.state.catalog_file.unlink()

    receipt = host.run(run)

    assert host.ground.read_back(receipt.snapshot) == host.portrait()
    assert host.ground.findings() == []


def seal(backup: Backup) -> None:
    """The streaming stages, and nothing after them."""
    backup.begin()
    backup.checksum(backup.encrypt(backup.compress(backup.snapshot())), lambda _: None)


class HeldBackSource(DirectorySource):
    """Gives its last file only once `go_on` is set."""

    go_on: threading.Event

    def walk(self, *, reading: bool = False) -> Iterator[Node]:
        nodes = list(super().walk(reading=reading))
        yield from nodes[:-1]
        assert self.go_on.wait(60)
        yield nodes[-1]


def test_pack_refuted_while_the_others_are_sealed_is_in_the_next_generation(scratch: Path) -> None:
    host = Host(Ground(scratch / "ground", ChunkSizes(4 << 10, 16 << 10, 64 << 10)))
    plant(host.source, {f"many/{number:03}": content(number, 8000) for number in range(600)})
    source = HeldBackSource(host.source, label="held back")
    source.go_on = threading.Event()
    lost: list[str] = []

    def lose_first_pack(operation: str, name: str, call: Callable[[], Any]) -> Any:
        result = call()
        if operation == "put" and name.startswith("packs/") and not lost:
            lost.append(name)
            host.ground.store.delete(name)
        if operation == "Journal.reopen_without":
            source.go_on.set()
        return result

    run = os.urandom(16)
    repository = host.ground.connect(store=WatchedStore(host.ground.store, lose_first_pack))
    with watched_host(lose_first_pack), small_slabs(256 << 10), pytest.raises(PackMissingError):
        host.run(run, repository=repository, source=source, spool_limit=8 << 20)
    assert lost

    receipt = host.run(run)

    assert host.ground.read_back(receipt.snapshot) == host.portrait()
    assert host.ground.findings() == []
