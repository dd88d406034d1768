"""Files of more chunks than a restore looks for at a time, here four."""

from collections.abc import Sequence
from contextlib import closing
from itertools import islice
from pathlib import Path

import pytest

from proofkeep.catalog import Catalog, refresh
from proofkeep.errors import MalformedError, PackMissingError
from proofkeep.format.header import ObjectType
from proofkeep.format.manifest import Entry, id_slices
from proofkeep.format.table import ChunkRow
from proofkeep.model import Kind
from proofkeep.restore import fetch, run
from proofkeep.restore.fetch import Fetcher, Parts
from proofkeep.restore.files import FileJob, Want, place_chunks
from proofkeep.snapshots import ChunkStore, DataKeys
from proofkeep.snapshots.chunks import Place
from proofkeep.verify import affected_files, verify
from tests.building import Ground, Host, content, plant
from tests.scenarios.test_missing_packs import pack_of, remove

AT_ONCE = 4
LENGTH = 10
IDS = [bytes([number]) * 32 for number in range(1, 7)]
PLACES = {identity: Place(1, ChunkRow(identity, 0, 0, LENGTH)) for identity in IDS}


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    monkeypatch.setattr(run, "_WINDOW_CHUNKS", AT_ONCE)
    made = Host(Ground(tmp_path / "ground"))
    small = {f"{place}{number}": content(number, 60) for number in range(6) for place in "az"}
    plant(made.source, small | {"long": content(100, 30_000), "longer": content(101, 60_000)})
    made.run()
    return made


def test_restore_looks_for_and_fetches_a_bounded_number_of_chunks_at_a_time(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    fetched: list[int] = []

    class Counting(ChunkStore):
        def locate(self, ids: Sequence[bytes]) -> dict[bytes, Place]:
            asked.append(len(ids))
            return super().locate(ids)

    begin = Fetcher.begin

    def counted(fetcher: Fetcher, wants: Sequence[Want]) -> Parts:
        fetched.append(len(wants))
        return begin(fetcher, wants)

    monkeypatch.setattr("tests.building.ChunkStore", Counting)
    monkeypatch.setattr(fetch.Fetcher, "begin", counted)

    portrait, report = host.ground.restored("latest")

    assert report.intact
    assert portrait == host.portrait()
    assert max(asked) == max(fetched) == AT_ONCE
    assert sum(fetched) > 10 * AT_ONCE


def test_long_file_with_one_lost_pack_is_lost_and_its_neighbours_are_not(host: Host) -> None:
    whole = host.portrait()
    remove(host, pack_of(host, ObjectType.CONTENT_PACK))  # the one with the newest chunks of the last long file

    portrait, report = host.ground.restored("latest")

    lost = {finding.path for finding in report.findings if finding.path is not None}
    assert b"longer" in lost
    assert portrait.keys() == whole.keys() - lost


def test_long_file_is_named_when_only_its_end_is_lost(tmp_path: Path) -> None:
    host = Host(Ground(tmp_path / "ground"))
    plant(host.source, {"long": content(1, 60_000), "other": b"other"})
    host.run()
    remove(host, pack_of(host, ObjectType.CONTENT_PACK))  # the one with the newest chunks of the last long file
    repository = host.ground.connect()
    report, _ = verify(repository)
    with closing(Catalog(tmp_path / "catalog")) as catalog:
        refresh(repository, catalog, {})
        data_keys = DataKeys(repository, [host.ground.unwrapping])
        chunks = ChunkStore(repository, catalog, data_keys)

        found = list(affected_files(repository, catalog, chunks, data_keys, report.findings))

    assert b"long" in {finding.path for _, finding in found}


def test_next_chunks_of_a_file_follow_those_before() -> None:
    job = long_job(len(IDS) * LENGTH)

    wants = [*place_chunks(job, IDS[:4], PLACES, whole=False), *place_chunks(job, IDS[4:], PLACES)]

    assert [want.position for want in wants] == [number * LENGTH for number in range(len(IDS))]
    assert job.error is None


@pytest.mark.parametrize("size", [LENGTH, 4 * LENGTH, 7 * LENGTH])
def test_file_whose_chunks_do_not_fill_it_is_refused_with_the_last_of_them(size: int) -> None:
    job = long_job(size)

    before = place_chunks(job, IDS[:4], PLACES, whole=False)

    assert len(before) == 4
    assert place_chunks(job, IDS[4:], PLACES) == []
    assert isinstance(job.error, MalformedError)


def test_nothing_more_is_wanted_of_a_file_that_lacks_a_chunk() -> None:
    job = long_job(len(IDS) * LENGTH)

    assert place_chunks(job, [IDS[0], bytes(32)], PLACES, whole=False) == []
    assert place_chunks(job, IDS[2:], PLACES) == []
    assert isinstance(job.error, PackMissingError)


def test_slices_of_joined_ids_are_all_of_them_in_order() -> None:
    slices = list(id_slices(b"".join(IDS), 4))

    assert slices == [IDS[:4], IDS[4:]]
    assert list(islice(id_slices(b""), 1)) == []


def long_job(size: int) -> FileJob:
    entry = Entry(b"long", Kind.FILE, 0o600, 0, 0, 0, size, chunks=b"".join(IDS))
    return FileJob(entry, object())
