import sys
import threading
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from proofkeep.catalog import Catalog, refresh
from proofkeep.errors import (
    CancelledError,
    DamagedError,
    KeyDeniedError,
    PackMissingError,
    SnapshotMissingError,
    TargetError,
    UsageError,
)
from proofkeep.filling import Batch, Filled
from proofkeep.repository.stored import fetch
from proofkeep.restore import RestoreReport, crew, restore
from proofkeep.restore.crew import Crew
from proofkeep.snapshots import EVERYTHING, ChunkStore, DataKeys, Selection, by_id, by_path, find_snapshot
from proofkeep.targets.directory import DirectoryTarget
from proofkeep.verify import affected_files, verify
from tests.building import Ground, Host, content, plant, plant_some, small_frames


@pytest.fixture
def host(tmp_path: Path) -> Host:
    made = Host(Ground(tmp_path / "ground"))
    plant_some(made.source, files=12, size=6000)
    made.run()
    return made


def restored(
    host: Host, target: Path, selection: Selection = EVERYTHING, *, providers: Any = None, **how: Any
) -> RestoreReport:
    repository = host.ground.connect()
    with closing(Catalog(target.with_suffix(".catalog"))) as catalog:
        refresh(repository, catalog, {})
        data_keys = DataKeys(repository, providers or [host.ground.unwrapping])
        chunks = ChunkStore(repository, catalog, data_keys)
        snapshot = find_snapshot(repository, "latest")
        return restore(repository, chunks, data_keys, snapshot, DirectoryTarget(target), selection=selection, **how)


def flip(host: Host, place: int) -> str:
    name = host.ground.names("packs/")[0]
    file = host.ground.root / "store" / name
    data = bytearray(file.read_bytes())
    data[place] ^= 1
    file.chmod(0o600)
    file.write_bytes(data)
    return name


def files_below(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_thread_lets_go_of_what_it_fetched_before_it_fetches_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    host = Host(Ground(tmp_path / "ground"))
    plant_some(host.source, files=40, size=6000)
    with small_frames():
        host.run()
    held: Counter[str] = Counter()
    met: list[tuple[str, int]] = []

    class Fetched(bytes):
        def __init__(self, _: bytes) -> None:
            self.by = threading.current_thread().name
            held[self.by] += 1

        def __del__(self) -> None:
            held[self.by] -= 1

    def fetched(*asked: Any, **how: Any) -> Fetched:
        name = threading.current_thread().name
        met.append((name, held[name]))
        return Fetched(fetch(*asked, **how))

    monkeypatch.setattr("proofkeep.snapshots.chunks._SPAN", 0)
    monkeypatch.setattr("proofkeep.snapshots.chunks.fetch", fetched)

    assert restored(host, tmp_path / "restored").intact
    threads = Counter(name for name, _ in met if name.startswith("restore"))
    assert max(threads.values()) > 1
    assert {before for name, before in met if name in threads} == {0}


def test_whole_tree_comes_back_bit_for_bit(host: Host) -> None:
    portrait, report = host.ground.restored("latest")

    assert portrait == host.portrait()
    assert report.intact
    assert report.files == 14 - 1


def test_host_that_gives_no_more_processes_restores_all_the_same(
    host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "absent"))

    report = restored(host, tmp_path / "out")

    assert report.intact
    assert files_below(tmp_path / "out") == files_below(host.source)


def test_processes_are_called_for_much_and_not_for_little(
    host: Host, tmp_path: Path, filled_by: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    called: list[int] = []

    class Counted(Crew):
        def fill(self, batch: Batch, sealed: bytes) -> Filled:
            called.append(len(batch.frames))
            return super().fill(batch, sealed)

    monkeypatch.setattr(crew, "Crew", Counted)
    report = restored(host, tmp_path / "out")

    assert report.intact
    assert bool(called) == (filled_by == "processes")


def test_only_what_lies_below_a_path_comes_back(host: Host, tmp_path: Path) -> None:
    report = restored(host, tmp_path / "out", by_path([b"d1"]))

    assert set(files_below(tmp_path / "out")) == {f"d1/f{number}" for number in range(1, 12, 2)}
    assert report.intact


def test_one_file_is_restored_by_its_path(host: Host, tmp_path: Path) -> None:
    restored(host, tmp_path / "out", by_path([b"d0/f4"]))

    assert files_below(tmp_path / "out") == {"d0/f4": (host.source / "d0" / "f4").read_bytes()}


def test_one_file_is_restored_by_its_keyed_id(host: Host, tmp_path: Path) -> None:
    path_id = host.ground.connect().keys.ids.path_id

    restored(host, tmp_path / "out", by_id([path_id(b"d0/f4")], path_id))

    assert files_below(tmp_path / "out") == {"d0/f4": (host.source / "d0" / "f4").read_bytes()}


def test_each_id_that_is_of_nothing_in_the_snapshot_is_told_and_the_others_are_restored(
    host: Host, tmp_path: Path
) -> None:
    path_id = host.ground.connect().keys.ids.path_id
    astray = [bytes([number]) * 16 for number in range(1, 5)]

    report = restored(host, tmp_path / "out", by_id([astray[0], path_id(b"d0/f4"), *astray[1:], astray[0]], path_id))

    assert files_below(tmp_path / "out") == {"d0/f4": (host.source / "d0" / "f4").read_bytes()}
    assert not report.intact
    assert [(each.code, each.subject) for each in report.findings] == [("usage", each.hex()) for each in astray]
    with pytest.raises(UsageError, match=rf"holds nothing with 4 file ids: {astray[0].hex()}, .*, \.\.\."):
        report.require_intact()


def test_damage_beside_an_id_of_nothing_is_told_as_damage(host: Host, tmp_path: Path) -> None:
    ids = host.ground.connect().keys.ids
    wanted = [ids.path_id(f"d{number % 2}/f{number}".encode()) for number in range(12)]
    flip(host, 300)

    report = restored(host, tmp_path / "out", by_id([*wanted, bytes(16)], ids.path_id))

    assert {each.code for each in report.findings} == {"authentication", "usage"}
    assert report.verdict == "damaged, the rest is restored"
    with pytest.raises(DamagedError):
        report.require_intact()


def test_path_restore_reads_only_segments_that_may_hold_it(tmp_path: Path) -> None:
    host = Host(Ground(tmp_path / "ground"))
    plant(host.source, {f"d{number:03}/{'n' * 120}{part}": b"" for number in range(200) for part in range(20)})
    host.run()
    whole = restored(host, tmp_path / "whole")

    one = restored(host, tmp_path / "one", by_path([b"d007"]))

    assert one.files == 20
    assert whole.files == 4000


def test_damaged_frame_costs_only_its_files_and_lists_them(host: Host, tmp_path: Path) -> None:
    flip(host, 300)

    report = restored(host, tmp_path / "out")

    lost = {finding.path for finding in report.findings}
    assert lost
    assert {finding.code for finding in report.findings} == {"authentication"}
    sound = {
        name: data for name, data in files_below(host.source).items() if name.encode() not in lost and name != "link"
    }
    found = {name: data for name, data in files_below(tmp_path / "out").items() if name != "link"}
    assert found == sound


def test_findings_hold_names_only_in_their_path(host: Host, tmp_path: Path) -> None:
    flip(host, 300)

    report = restored(host, tmp_path / "out")

    for finding in report.findings:
        assert finding.path is not None
        assert finding.path.decode() not in f"{finding!r} {finding.detail} {finding.subject}"


def test_verify_and_the_restore_role_name_the_files_that_damage_costs(host: Host, tmp_path: Path) -> None:
    flip(host, 300)
    repository = host.ground.connect()
    report, _ = verify(repository, read=1.0)
    with closing(Catalog(tmp_path / "catalog")) as catalog:
        refresh(repository, catalog, {})
        data_keys = DataKeys(repository, [host.ground.unwrapping])
        chunks = ChunkStore(repository, catalog, data_keys)

        named = {finding.path for _, finding in affected_files(repository, catalog, chunks, data_keys, report.findings)}

    lost = {finding.path for finding in restored(host, tmp_path / "out").findings}
    assert lost <= named


def test_missing_pack_is_damage_and_no_crash(host: Host, tmp_path: Path) -> None:
    (host.ground.root / "store" / host.ground.names("packs/")[0]).unlink()

    report = restored(host, tmp_path / "out")

    assert {finding.code for finding in report.findings} == {PackMissingError.code}


def test_backup_hosts_key_restores_nothing(host: Host, tmp_path: Path) -> None:
    with pytest.raises(KeyDeniedError):
        restored(host, tmp_path / "out", providers=[host.ground.wrapping])

    assert not (tmp_path / "out").exists()


def test_target_in_use_is_refused_and_untouched(host: Host, tmp_path: Path) -> None:
    plant(tmp_path / "out", {"mine": b"mine"})

    with pytest.raises(TargetError):
        restored(host, tmp_path / "out")

    assert files_below(tmp_path / "out") == {"mine": b"mine"}


def test_cancelled_restore_leaves_nothing(host: Host, tmp_path: Path) -> None:
    with pytest.raises(CancelledError):
        restored(host, tmp_path / "out", cancelled=lambda: True)

    assert [path.name for path in tmp_path.iterdir() if "out" in path.name and path.suffix == ""] == []
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("restore")]


def test_unknown_snapshot_has_its_own_error(host: Host) -> None:
    with pytest.raises(SnapshotMissingError):
        find_snapshot(host.ground.connect(), "0" * 32)


def test_repeated_content_is_written_to_every_file_that_has_it(tmp_path: Path) -> None:
    host = Host(Ground(tmp_path / "ground"))
    plant(host.source, {f"copy{number}": content(1, 9000) for number in range(5)})
    host.run()

    report = restored(host, tmp_path / "out")

    assert files_below(tmp_path / "out") == files_below(host.source)
    assert report.read < 3 * 9000
