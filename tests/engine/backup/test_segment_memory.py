"""Segments that still hold are referred to without being made; what changed anywhere near is always written anew."""

import os
from pathlib import Path
from typing import Any, Self
from unittest.mock import patch

import pytest

from proofkeep.backup.segments import SegmentWriter
from tests.building import Ground, Host, content, plant


@pytest.fixture
def host(tmp_path: Path) -> Host:
    """A host whose one snapshot has a manifest of many segments."""
    host = Host(Ground(tmp_path / "ground"))
    with small_segments():
        plant(host.source, {f"d{number:03d}/f{number:03d}": content(number, 40) for number in range(150)})
        host.run()
    return host


def small_segments() -> Any:
    return patch.multiple("proofkeep.backup.segments", LEAST=1 << 10, MOST=1 << 13, _MASK=8, _DIRECTORY_MASK=2)


class Made:
    """Counts the segments of entries that a run makes, and those it adopts."""

    def __init__(self) -> None:
        self.made = self.adopted = 0

    def __enter__(self) -> Self:
        cut, adopt = SegmentWriter._cut, SegmentWriter.adopt

        def counted_cut(writer: SegmentWriter, number: int) -> Any:
            self.made += number == 0
            return cut(writer, number)

        def counted_adopt(writer: SegmentWriter, *values: Any) -> None:
            self.adopted += 1
            adopt(writer, *values)

        self._patches = [
            small_segments(),
            patch.object(SegmentWriter, "_cut", counted_cut),
            patch.object(SegmentWriter, "adopt", counted_adopt),
        ]
        for each in self._patches:
            each.start()
        return self

    def __exit__(self, *_: object) -> None:
        for each in self._patches:
            each.stop()


def again(host: Host) -> tuple[Made, str]:
    """Another run: what it made of segments, and its snapshot, which restores to what the source is now."""
    with Made() as made:
        receipt = host.run()
    assert host.ground.read_back(receipt.snapshot) == host.portrait()
    assert host.ground.findings() == []
    return made, receipt.snapshot


def test_unchanged_tree_makes_no_segment_and_has_the_same_root(host: Host) -> None:
    made, _ = again(host)

    assert (made.made, made.adopted > 10) == (0, True)
    assert host.ground.snapshots()[0].facts.totals["files"] == host.ground.snapshots()[1].facts.totals["files"]
    assert host.ground.snapshots()[1].facts.totals["read_bytes"] == 0


@pytest.mark.parametrize("name", ["d000/f000", "d080/f080", "d149/f149"])
def test_changed_file_costs_its_own_segment_only(host: Host, name: str) -> None:
    (host.source / name).write_bytes(content(1000, 50))

    made, _ = again(host)

    assert made.made <= 2
    assert made.adopted > 10


def test_change_of_metadata_alone_is_seen(host: Host) -> None:
    (host.source / "d007/f007").chmod(0o600)
    os.utime(host.source / "d009", ns=(1, 1))

    made, _ = again(host)

    assert made.made >= 1
    assert made.adopted > 5


def test_new_and_removed_names_are_seen(host: Host) -> None:
    plant(host.source, {"d070/a": b"new", "zz/last": b"new"})
    (host.source / "d110/f110").unlink()

    made, _ = again(host)

    assert made.made >= 1
    assert made.adopted >= 3


def test_new_name_before_all_others_is_seen(host: Host) -> None:
    plant(host.source, {"aa/first": b"new"})

    made, _ = again(host)

    assert made.made >= 1


def test_files_added_at_the_end_every_night_do_not_splinter_the_manifest(host: Host) -> None:
    for night in range(6):
        plant(host.source, {f"z{night}/f": content(2000 + night, 40)})
        with Made() as made:
            host.run()

    assert made.made <= 3


def test_segment_with_hard_links_is_made_each_time(host: Host) -> None:
    (host.source / "d080/other").hardlink_to(host.source / "d002/f002")
    again(host)

    made, _ = again(host)

    assert 1 <= made.made <= 4


def test_segments_of_a_pack_that_is_gone_are_made_again(host: Host) -> None:
    for pack in host.ground.packs():
        host.ground.store.delete(pack.name)
    with Made() as made, pytest.raises(Exception, match="gone from the store"):
        host.run(run := os.urandom(16))
    assert made.made == 0

    with Made() as made:
        receipt = host.run(run)

    assert made.adopted == 0
    assert host.ground.read_back(receipt.snapshot) == host.portrait()


def test_another_hosts_lost_catalog_makes_the_same_segments(host: Host) -> None:
    before = host.ground.snapshots()[0].facts.totals
    host.state.catalog_file.unlink()

    made, _ = again(host)

    assert made.adopted == 0
    totals = host.ground.snapshots()[1].facts.totals
    assert (totals["files"], totals["bytes"], totals["new_bytes"]) == (before["files"], before["bytes"], 0)
