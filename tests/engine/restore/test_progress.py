from pathlib import Path

from proofkeep.catalog import Catalog, refresh
from proofkeep.chunking import ChunkSizes
from proofkeep.restore import restore
from proofkeep.snapshots import ChunkStore, DataKeys, find_snapshot
from proofkeep.targets.directory import DirectoryTarget
from tests.building import Ground, Host, content, plant, small_frames


def test_large_file_is_told_while_it_grows(scratch: Path) -> None:
    host = Host(Ground(scratch / "ground", ChunkSizes(1 << 10, 4 << 10, 16 << 10)))
    plant(host.source, {"large": content(1, 400_000), "small": b"small"})
    with small_frames():
        receipt = host.run()
    repository = host.ground.connect()
    catalog = Catalog(scratch / "catalog")
    refresh(repository, catalog, {})
    data_keys = DataKeys(repository, [host.ground.unwrapping])
    chunks = ChunkStore(repository, catalog, data_keys)
    told: list[dict[str, int]] = []

    def progress(step: str, **counts: int) -> None:
        assert step == "restore"
        told.append(counts)

    report = restore(
        repository,
        chunks,
        data_keys,
        find_snapshot(repository, receipt.snapshot),
        DirectoryTarget(scratch / "restored"),
        progress=progress,
    )

    catalog.close()
    sizes = [counts["bytes"] for counts in told]
    assert sizes == sorted(sizes)
    assert told[0]["files"] == 0
    assert 0 < sizes[0] < 400_005
    assert told[-1] == {"files": 2, "bytes": report.bytes, "read_bytes": report.read}
