"""A restore that goes wrong without noticing: the drill compares what really stands in scratch."""

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from proofkeep.drill import Plan, run_drill
from proofkeep.drill.private import PrivateDirectory
from proofkeep.drill.sealed import SealedTarget, Strongroom
from proofkeep.errors import DrillFailedError, TargetFullError
from proofkeep.targets.directory import DirectoryTarget
from proofkeep.targets.files import RestoredFile
from tests.engine.drill.house import ENVIRONMENT, House

PLAN = Plan("restoring", per_stratum=50)


class Flipping(DirectoryTarget):
    """Writes one bit of `sparse` otherwise than it was given."""

    def write(self, file: RestoredFile, position: int, data: bytes | memoryview) -> None:
        if file.entry.path == b"sparse" and position == 0:
            data = bytes([data[0] ^ 1]) + bytes(data[1:])
        super().write(file, position, data)


class Straying(DirectoryTarget):
    """Leaves something in the hole of `sparse`."""

    def finish(self, file: RestoredFile) -> None:
        if file.entry.path == b"sparse":
            with self._contents.files.descriptor(file.layout) as descriptor:
                os.pwrite(descriptor, b"x", 1 << 20)
        super().finish(file)


class Careless(DirectoryTarget):
    """Sets other metadata than it was told."""

    def __init__(self, final: Path) -> None:
        super().__init__(final)
        self._place = final

    def complete(self) -> None:
        super().complete()
        for path in self._place.rglob("small-*"):
            path.chmod(0o777)
            os.utime(path, ns=(1, 1))


class Full(DirectoryTarget):
    """Has no room."""

    def write(self, *_: Any) -> None:
        raise TargetFullError("the restore target is full")


def drill_into(house: House, target: Callable[[Path], Any]) -> dict[str, Any]:
    """The evidence of a drill that fails."""
    places = replace(house.places(), make_target=target)
    with pytest.raises(DrillFailedError):
        run_drill(house.repository, house.drill_state, house.providers, PLAN, ENVIRONMENT, places)
    assert list(house.memory.iterdir()) == []
    return house.evidence("restoring")


def of_path(house: House, document: dict[str, Any], path: bytes) -> dict[str, Any]:
    identity = house.repository.keys.ids.path_id(path).hex()
    (found,) = [each for each in document["sample"] if each["file"] == identity]
    return dict(found)


def result(document: dict[str, Any], objective: str) -> str:
    (found,) = [each["result"] for each in document["objectives"] if each["id"] == objective]
    return str(found)


def test_content_that_was_written_otherwise_differs(stored: House) -> None:
    document = drill_into(stored, Flipping)

    file = of_path(stored, document, b"sparse")
    assert (file["result"], file["code"]) == ("differs", "integrity")
    assert file["digest_actual"] != file["digest_expected"]
    assert result(document, "information-integrity") == "not-satisfied"
    assert [each["file"] for each in document["sample"] if each["result"] != "equal"] == [file["file"]]


def test_content_in_a_hole_is_noticed(stored: House) -> None:
    document = drill_into(stored, Straying)

    assert of_path(stored, document, b"sparse")["code"] == "integrity"
    assert result(document, "information-integrity") == "not-satisfied"


def test_metadata_that_was_set_otherwise_differs(stored: House) -> None:
    document = drill_into(stored, Careless)

    file = of_path(stored, document, b"folder/small-3")
    assert (file["result"], file["metadata"], file["metadata_differing"]) == ("equal", "differs", ["mtime", "mode"])
    assert result(document, "metadata") == "not-satisfied"
    assert result(document, "information-integrity") == "satisfied"


def test_full_scratch_loses_the_sample_and_says_why(stored: House) -> None:
    document = drill_into(stored, Full)

    assert {each["code"] for each in document["sample"]} == {"target-full"}
    assert result(document, "media-reliability") == "not-satisfied"


def test_plaintext_that_stays_fails_the_drill(stored: House, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(self: PrivateDirectory) -> bool:
        os.close(self._lock)
        return False

    monkeypatch.setattr(PrivateDirectory, "remove", fail)

    with pytest.raises(DrillFailedError, match="plaintext-destroyed"):
        stored.drill(PLAN)

    assert stored.evidence("restoring")["destruction"]["nothing_left"] is False


def test_sealed_scratch_that_is_altered_is_noticed(stored: House, monkeypatch: pytest.MonkeyPatch) -> None:
    get = Strongroom.get

    def altered(self: Strongroom, number: int, piece: Any) -> bytes:
        os.pwrite(self._descriptor, b"\0\0\0\0", piece.offset + 20)
        return get(self, number, piece)

    monkeypatch.setattr(Strongroom, "get", altered)

    with pytest.raises(DrillFailedError):
        stored.drill(PLAN, sealed=True)

    assert "authentication" in {each["code"] for each in stored.evidence("restoring")["sample"]}


def test_sealed_scratch_takes_every_kind_of_entry(stored: House) -> None:
    report = stored.drill(PLAN, sealed=True)

    assert report.files == 17
    assert SealedTarget.owners_unset == SealedTarget.xattrs_unset == 0


def test_snapshot_gone_since_the_draw_is_lost(stored: House) -> None:
    with stored.steps(PLAN) as drill:
        draw = drill.draw()
        (record,) = (path for path in (stored.root / "packs/snapshots").rglob("*") if path.is_file())
        record.unlink()
        restored = drill.restore_sample(draw)

    assert {file.result for file in restored.files} == {"lost"}
    assert {finding.code for finding in restored.damage} == {"object-missing"}
