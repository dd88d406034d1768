"""A chunk may lie in several packs: whichever of them is gone, damaged or a lie, the others restore it."""

import os
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path
from unittest.mock import patch

import pytest

from proofkeep.backup.commit import CommitReceipt
from proofkeep.backup.known import Known
from proofkeep.crypto.host_keys import IdKeys
from proofkeep.errors import PackMissingError
from proofkeep.format.header import ObjectType, decode
from proofkeep.format.names import PackId
from tests.building import Host, content, plant, plant_some, planted_host
from tests.scenarios.test_missing_packs import pack_of, remove

CONTENT = ObjectType.CONTENT_PACK
FIRST, LAST = "00" * 16, "ff" * 16


@pytest.fixture
def host(scratch: Path) -> Host:
    host = planted_host(scratch)
    name_writer(host, LAST)
    return host


def name_writer(host: Host, name: str) -> None:
    """Chains are learned in the order of their writers' ids."""
    (host.state.path / "writer").write_text(name)


def twin_of(host: Host) -> Host:
    """A host with the same files that stored them all once more, under a chain that is learned first."""
    twin = Host(host.ground, "twin")
    plant_some(twin.source)
    name_writer(twin, FIRST)
    with patch.object(Known, "keep_new", lambda _, pieces: list({piece.id: piece for piece in pieces}.values())):
        twin.run()
    return twin


def ids_of(host: Host) -> list[bytes]:
    with host.catalog() as catalog:
        return [row[0] for row in catalog._rows("SELECT id FROM chunks ORDER BY id")]


def content_packs(host: Host) -> list[PackId]:
    store = host.ground.store
    return [pack for pack in host.ground.packs() if decode(store.get(pack.name, length=128), "").type == CONTENT]


def assert_restored(host: Host, receipt: CommitReceipt) -> None:
    """The host's tree comes back from this snapshot, with nothing to complain about."""
    portrait, report = host.ground.restored(receipt.snapshot)
    assert report.intact
    assert portrait == host.portrait()


@pytest.mark.parametrize("kind", [CONTENT, ObjectType.SEGMENT_PACK])
def test_snapshot_that_sent_a_lost_pack_again_is_restored_on_a_new_host(host: Host, kind: ObjectType) -> None:
    host.run()
    remove(host, pack_of(host, kind))
    run = os.urandom(16)
    with pytest.raises(PackMissingError):
        host.run(run)
    receipt = host.run(run)

    assert_restored(host, receipt)


def test_chunks_sent_again_heal_the_snapshots_before(host: Host) -> None:
    first = host.run()
    remove(host, pack_of(host, CONTENT))
    run = os.urandom(16)
    with pytest.raises(PackMissingError):
        host.run(run)
    host.run(run)

    assert_restored(host, first)


def test_damaged_frame_is_replaced_by_its_copy_in_another_writers_pack(host: Host) -> None:
    receipt = host.run()
    twin_of(host)
    pack = next(pack for pack in content_packs(host) if pack.writer.hex() == LAST)
    data = bytearray(host.ground.store.get(pack.name))
    data[600] ^= 1
    (host.ground.root / "store" / pack.name).write_bytes(data)

    assert_restored(host, receipt)


def test_what_no_copy_gives_is_lost_and_said(host: Host) -> None:
    receipt = host.run()
    twin_of(host)
    for pack in content_packs(host):
        remove(host, pack)

    _, report = host.ground.restored(receipt.snapshot)

    assert {finding.code for finding in report.findings} == {"pack-missing"}
    assert len(report.findings) == 6


def test_false_chunks_of_a_thief_hide_none_that_were_stored_before(host: Host) -> None:
    receipt = host.run()
    thief = Host(host.ground, "thief")
    name_writer(thief, FIRST)
    plant(thief.source, {"lies": content(99, 60_000)})
    stolen: Iterator[bytes] = cycle(ids_of(host))
    with (
        patch.object(Known, "keep_new", lambda _, pieces: pieces),
        patch.object(IdKeys, "chunk_id", lambda _, __: next(stolen)),
    ):
        thief.run()

    assert_restored(host, receipt)
