"""What a verify of the bytes cannot judge: a pack that does not open although it is what was sent."""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from proofkeep.backup.adopt import LeftRun
from proofkeep.backup.resume import resumable, resume
from proofkeep.catalog import Catalog, refresh
from proofkeep.damage import snapshot_of, within
from proofkeep.errors import PackMissingError
from proofkeep.format.pack_set import decode_packs
from proofkeep.restore import RestoreReport, restore
from proofkeep.snapshots import EVERYTHING, ChunkStore, DataKeys, Selection, by_path, find_snapshot, read_packs
from proofkeep.targets.directory import DirectoryTarget
from proofkeep.verify import VerificationReport, verify
from tests.building import OPTIONS, Ground, Host, content, plant, planted_host, put
from tests.decorating import WatchedStore
from tests.engine.backup.test_generations import RefusingSource
from tests.scenarios.test_killed import killed


@pytest.fixture
def host(scratch: Path) -> Host:
    host = planted_host(scratch)
    host.run()
    return host


def restored(ground: Ground, *, bad: Sequence[str] = (), selection: Selection = EVERYTHING) -> RestoreReport:
    """A restore to which frames of the packs `bad` are given with a flipped bit, though the packs are sound."""

    def around(operation: str, name: str, call: Any) -> Any:
        given = call()
        return bytes([given[0] ^ 1]) + given[1:] if operation == "get" and name in bad else given

    repository = ground.connect(store=WatchedStore(ground.store, around))
    target = ground._target()
    with closing(Catalog(target.with_suffix(".catalog"))) as catalog:
        refresh(repository, catalog, {})
        data_keys = DataKeys(repository, [ground.unwrapping])
        chunks = ChunkStore(repository, catalog, data_keys)
        snapshot = find_snapshot(repository, "latest")
        return restore(repository, chunks, data_keys, snapshot, DirectoryTarget(target), selection=selection)


def verified(ground: Ground, known: Sequence[str]) -> VerificationReport:
    return verify(ground.connect(), known=known)[0]


def content_pack(ground: Ground) -> str:
    return max(ground.packs(), key=lambda pack: ground.store.stat(pack.name).size).name


def test_what_does_not_open_as_it_was_sent_is_mended_only_by_who_opens_it(host: Host) -> None:
    ground = host.ground
    (snapshot,) = ground.snapshots()
    pack = content_pack(ground)
    report = restored(ground, bad=[pack])

    assert report.damaged == [within(pack, snapshot.id.short)]
    told = verified(ground, report.damaged)
    assert (told.findings, told.sound) == ([], [])
    assert "1 things that this host found damaged before were not looked at" in " ".join(told.not_tested)
    assert restored(ground, selection=by_path([b"empty"])).sound(report.damaged) == []
    assert restored(ground, bad=[pack]).sound(report.damaged) == []
    assert restored(ground).sound(report.damaged) == report.damaged


def test_what_does_not_open_is_needed_by_nobody_once_its_snapshot_is_gone(host: Host) -> None:
    known = [within(content_pack(host.ground), f"{'00' * 16}.0001")]

    assert verified(host.ground, known).sound == known


def test_altered_pack_is_an_object_to_read_back_whichever_snapshot_met_it(host: Host) -> None:
    ground = host.ground
    pack = content_pack(ground)
    file = ground.root / "store" / pack
    content = file.read_bytes()
    file.chmod(0o600)
    file.write_bytes(bytes([content[0]]) + bytes(len(content) - 1))

    known = restored(ground).damaged

    assert known == [pack]
    assert not any(map(snapshot_of, known))
    told = verified(ground, known)
    assert ([each.code for each in told.findings], told.sound) == (["integrity", "pack-missing"], [])
    file.write_bytes(content)
    assert verified(ground, known).sound == known


def test_pack_that_is_retired_and_gone_closes_too(host: Host) -> None:
    ground = host.ground
    (pack, *_) = ground.packs()
    ground.retire([pack])
    ground.store.delete(pack.name)

    assert verified(ground, [pack.name]).sound == [pack.name]


def test_retired_pack_that_lies_there_altered_stays_known(host: Host) -> None:
    ground = host.ground
    pack = content_pack(ground)
    file = ground.root / "store" / pack
    file.chmod(0o600)
    file.write_bytes(bytes(file.stat().st_size))

    assert verified(ground, [pack]).sound == []


def test_other_copy_of_a_chunk_serves_and_its_damaged_pack_is_told_all_the_same(host: Host) -> None:
    ground = host.ground
    pack = content_pack(ground)
    host.options = replace(host.options, damaged=(pack,))
    sent = host.run()
    before = ground.snapshots()[0].id.short

    portrait, report = ground.restored(before)

    assert sent.totals["new_bytes"] > 0
    assert (portrait, report.damaged) == (host.portrait(), [])
    file = ground.root / "store" / pack
    file.chmod(0o600)
    file.write_bytes(bytes(file.stat().st_size))
    portrait, report = ground.restored(before)
    assert (portrait, report.findings, report.damaged) == (host.portrait(), [], [pack])


def test_more_than_can_be_remembered_is_everything_and_closed_by_reading_everything(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("proofkeep.damage._MOST", 1)
    for pack in host.ground.packs():
        host.ground.store.delete(pack.name)

    known = verified(host.ground, []).found

    assert known == ["everything"]
    assert verified(host.ground, known).sound == []


@pytest.fixture
def read_before(host: Host) -> tuple[bytes, str]:
    """A run that had read its source to the end, and an old pack that its snapshot would need."""
    run = bytes(range(16))
    pack = content_pack(host.ground)
    plant(host.source, {"new": content(7, 20_000)})
    killed(host, run, "put index/ 1")
    return run, pack


def test_retry_of_a_run_that_had_read_before_relies_on_nothing_found_damaged_since(
    host: Host, read_before: tuple[bytes, str]
) -> None:
    run, pack = read_before
    with pytest.raises(PackMissingError, match="known to be damaged"):
        host.run(run, damaged=(pack,))

    receipt = host.run(run, damaged=(pack,))

    snapshot = find_snapshot(host.ground.connect(), receipt.snapshot)
    assert receipt.complete
    assert pack not in {each.name for each in decode_packs(read_packs(host.ground.connect(), snapshot.id))}
    assert host.ground.read_back(receipt.snapshot) == host.portrait()


def test_sending_what_such_a_run_left_commits_nothing_that_relies_on_it(
    host: Host, read_before: tuple[bytes, str]
) -> None:
    run, pack = read_before
    (left,) = resumable(host.state, [run.hex()])
    options = replace(OPTIONS, damaged=(pack,))

    with LeftRun(
        host.ground.connect(), host.state, left, host.backup().identity, options, clock=host.ground.now
    ) as opened:
        done = resume(opened)

    assert done.committed is None
    assert isinstance(done.failure, PackMissingError)


def test_object_that_no_entry_names_is_mended_once_no_verify_finds_it(host: Host) -> None:
    ground = host.ground
    stray = "snapshots/stray"
    put(ground.store, stray, b"of somebody else")
    known = verified(ground, []).found
    assert stray in known

    ground.store.delete(stray)
    told, _ = verify(ground.connect(), known=known, read=0.1)

    assert (told.findings, told.sound) == ([], known)


def test_pack_under_a_key_that_was_found_damaged_is_stored_anew(host: Host) -> None:
    before = host.ground.snapshots()[0].id.short
    (key, *_) = host.ground.names("keys/")
    file = host.ground.root / "store" / key
    sound = file.read_bytes()
    file.chmod(0o600)
    file.write_bytes(bytes(len(sound)))

    receipt = host.run(damaged=(key,))

    assert host.ground.read_back(receipt.snapshot) == host.portrait()
    file.write_bytes(sound)
    assert host.ground.read_back(before) == host.portrait()


def test_altered_data_key_is_told_instead_of_what_it_would_open_and_a_verify_sees_it_mended(host: Host) -> None:
    ground = host.ground
    (key,) = ground.names("keys/")
    plant(host.source, {"new": content(7, 20_000)})
    host.run()
    file = ground.root / "store" / key
    sound = file.read_bytes()
    file.chmod(0o600)
    file.write_bytes(bytes(len(sound)))

    report = restored(ground)

    assert {each.code for each in report.findings} == {"malformed"}
    assert report.damaged == [key]
    assert verified(ground, [key]).sound == []
    file.write_bytes(sound)
    assert verified(ground, [key]).sound == [key]


def test_data_key_that_is_as_it_was_sent_and_does_not_open_leaves_its_packs_to_who_opens_them(host: Host) -> None:
    ground = host.ground
    (key,) = ground.names("keys/")
    packs = [pack.name for pack in ground.packs()]
    plant(host.source, {"new": content(7, 20_000)})
    host.run()
    snapshot = ground.snapshots()[-1].id.short

    damaged = restored(ground, bad=[key]).damaged

    assert damaged
    assert set(damaged) <= {within(pack, snapshot) for pack in packs}


def test_damage_of_an_incomplete_snapshot_is_mended_by_restoring_all_that_it_has(scratch: Path) -> None:
    host = planted_host(scratch)
    plant(host.source, {"moving": content(8, 5000)})
    host.partial_run(source=RefusingSource(host.source, label="refusing"))
    ground = host.ground
    pack = content_pack(ground)
    known = restored(ground, bad=[pack]).damaged

    assert known == [within(pack, ground.snapshots()[0].id.short)]
    assert verified(ground, known).sound == []
    assert restored(ground, bad=[pack]).sound(known) == []
    assert restored(ground, selection=by_path([b"moving"])).sound(known) == []
    report = restored(ground)
    assert ([each.code for each in report.findings], report.sound(known)) == (["source-unavailable"], known)
