"""The manifest's tree: cut by content, so that little of it changes with the tree it describes."""

from collections import Counter
from hashlib import sha256
from pathlib import Path
from unittest.mock import patch

import pytest

from proofkeep.backup.segments import FEWEST, LEAST, SegmentWriter
from proofkeep.crypto.host_keys import IdKeys
from proofkeep.errors import MalformedError
from proofkeep.format.manifest import MAX_LEVEL, Entry, decode_segment, order
from proofkeep.format.record import Root
from proofkeep.format.table import MAX_FRAME_PLAIN
from proofkeep.model import Kind
from proofkeep.sources.walk import MAX_ENTERED
from tests.building import plant, planted_host
from tests.vectors import second_reader

LONGEST = MAX_ENTERED + len(b"/") + 255
IDS = IdKeys(1, b"c" * 32, b"s" * 32, b"p" * 32, 7)
Segments = dict[bytes, bytes]


def paths(directories: int, files: int) -> list[bytes]:
    """A tree's paths in walk order; every file's number is even."""
    names = [b"%04d" % number for number in range(directories)]
    return [b"", *(path for name in names for path in (name, *(b"%s/%06d" % (name, 2 * n) for n in range(files))))]


def written(tree: list[bytes]) -> tuple[Segments, Root]:
    segments: Segments = {}
    writer = SegmentWriter(IDS, segments.__setitem__, lambda *_, **__: None)
    for path in sorted(tree, key=order):
        directory = path.count(b"/") == 0
        kind, chunks = (Kind.DIRECTORY, b"") if directory else (Kind.FILE, sha256(path).digest())
        writer.add(Entry(path, kind, 0o644, 1000, 1000, 1, 0 if directory else 5, chunks), IDS.path_id(path))
    return segments, writer.finish()


def level(segment: bytes) -> int:
    return segment[1]


def test_tree_reads_back_in_order() -> None:
    tree = paths(20, 300)

    segments, root = written(tree)

    row = [root.prefix, root.id, root.length, root.level, root.entries, root.bytes]
    assert [entry.path for entry in second_reader.walk(row, segments.__getitem__)] == tree
    assert (root.entries, root.bytes) == (len(tree), 20 * 300 * 5)
    for segment in segments.values():
        decode_segment(segment, level(segment), "segment")


@pytest.mark.parametrize("place", [b"0000/000001", b"0007/000301", b"0019/000599", b"0012/000123", b"9999"])
def test_one_inserted_file_rewrites_one_segment_a_level(place: bytes) -> None:
    tree = paths(40, 500)
    before, _ = written(tree)

    after, _ = written([*tree, place])

    rewritten = Counter(level(segment) for identity, segment in after.items() if identity not in before)
    assert set(rewritten.values()) == {1}
    assert len(before) > 5


def test_one_removed_file_rewrites_at_most_two_segments_a_level() -> None:
    """Two where the file's row had ended a segment: its rest joins the next."""
    tree = paths(40, 500)
    before, _ = written(tree)
    for path in tree[50::1997]:
        after, _ = written([other for other in tree if other != path])

        rewritten = Counter(level(segment) for identity, segment in after.items() if identity not in before)
        assert max(rewritten.values()) <= 2


def test_every_level_is_cut_within_its_bounds() -> None:
    with patch("proofkeep.backup.segments.LEAST", 500), patch("proofkeep.backup.segments.MOST", 4_000):
        segments, root = written(paths(20, 300))

    assert root.level == 2
    assert max(map(len, segments.values())) < 4_000 + 300
    row = [root.prefix, root.id, root.length, root.level, root.entries, root.bytes]
    assert sum(1 for _ in second_reader.walk(row, segments.__getitem__)) == 20 * 301 + 1


def test_tree_deeper_than_the_format_allows_is_refused() -> None:
    with (
        patch("proofkeep.backup.segments.LEAST", 0),
        patch("proofkeep.backup.segments.MOST", 1),
        patch("proofkeep.backup.segments.FEWEST", 1),
        pytest.raises(MalformedError, match="deeper"),
    ):
        written(paths(2, 20))


def test_longest_paths_and_a_cut_wherever_one_may_be_leave_every_level_its_children() -> None:
    """The least that a tree can hold: every path id is one behind which segments end."""
    sizes: list[int] = []
    writer = SegmentWriter(IDS, lambda _, data: sizes.append(len(data)), lambda *_, **__: None)
    for number in range(FEWEST**2 - 1):
        path = (b"%08d" % number).ljust(LONGEST, b"x")
        writer.add(Entry(path, Kind.FILE, 0o644, 1000, 1000, 1, 0), bytes(16))

    assert writer.finish().level == 2
    assert len(sizes) == FEWEST**2 - 1 + FEWEST + 1
    assert max(sizes) < MAX_FRAME_PLAIN // 2
    assert FEWEST ** (MAX_LEVEL - 1) * LEAST == 16 << 40


def test_insertion_into_a_large_tree_stores_little(scratch: Path) -> None:
    host = planted_host(scratch)
    plant(host.source, {f"d{number % 9}/{number:05}": b"%d" % (number % 7) for number in range(3000)})
    first = host.run(pack_size=4 << 20, spool_limit=64 << 20)
    plant(host.source, {"d5/01234-new": b"3"})

    second = host.run(pack_size=4 << 20, spool_limit=64 << 20)

    assert second.totals["new_bytes"] == 0
    assert second.totals["stored"] < first.totals["stored"]
    assert host.ground.restored(second.snapshot)[0] == host.portrait()
