"""Files of so many chunks that the ids of a few of them fill memory."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from proofkeep.backup import snapshot
from proofkeep.catalog import FileState
from proofkeep.catalog.states import States
from tests.building import SIZES, Ground, Host, content, plant

LARGE = 20_000


@pytest.fixture
def host(scratch: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    monkeypatch.setattr(snapshot, "_BATCH_CHUNKS", 3 * LARGE // 2 // SIZES.average)
    host = Host(Ground(scratch / "ground"))
    small = {f"{place}{number}": content(number, 50) for number in range(5) for place in ("d/", "z")}
    plant(host.source, small | {f"large{number}": content(100 + number, LARGE) for number in range(5)})
    host.run()
    return host


def test_what_is_remembered_of_large_files_is_asked_for_one_by_one(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Sequence[bytes]] = []
    file_states = States.file_states

    def watched(catalog: States, entry: bytes, path_ids: Sequence[bytes]) -> dict[bytes, FileState]:
        asked.append(path_ids)
        return file_states(catalog, entry, path_ids)

    monkeypatch.setattr(States, "file_states", watched)
    plant(host.source, {"d/new": b"new"})

    receipt = host.run()

    path_id = host.ground.connect().keys.ids.path_id
    large = {path_id(b"large%d" % number) for number in range(5)}
    assert large <= {each for path_ids in asked for each in path_ids}
    assert max(len(large.intersection(path_ids)) for path_ids in asked) == 1
    assert max(map(len, asked)) > 1
    assert receipt.totals["read_bytes"] == len(b"new")


def test_tree_of_large_files_comes_back(host: Host) -> None:
    (found,) = host.ground.snapshots()

    assert host.ground.read_back(found.id.short) == host.portrait()
    assert host.ground.restored(found.id.short)[0] == host.portrait()
