import os
import random
import resource
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proofkeep.errors import TargetError, UnsafePathError
from proofkeep.model import Kind
from proofkeep.targets import files
from proofkeep.targets.directory import DirectoryTarget
from proofkeep.targets.entry import data_places
from proofkeep.targets.files import Layout, RestoredFile
from tests.engine.targets.trees import entry, put_file

MIB = 1 << 20


@pytest.fixture
def target(tmp_path: Path) -> Iterator[DirectoryTarget]:
    with DirectoryTarget(tmp_path / "final") as growing:
        yield growing


def test_content_may_arrive_in_any_order_and_from_several_threads(target: DirectoryTarget, tmp_path: Path) -> None:
    contents = {b"%d" % number: os.urandom(200_000) for number in range(20)}
    restored = {path: target.create(entry(path, size=200_000)) for path in contents}
    pieces = [(path, start) for path in contents for start in range(0, 200_000, 7_000)]
    random.Random(7).shuffle(pieces)  # noqa: S311 - an order, no secret

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda p: target.write(restored[p[0]], p[1], contents[p[0]][p[1] : p[1] + 7_000]), pieces))
        list(pool.map(target.finish, restored.values()))
    target.complete()

    assert {os.fsencode(path.name): path.read_bytes() for path in (tmp_path / "final").iterdir()} == contents


def test_target_that_was_abandoned_begins_anew(tmp_path: Path) -> None:
    target = DirectoryTarget(tmp_path / "final")
    target.begin()
    target.share().prepare(b"deep/er/whole")
    target.create(entry(b"deep/er/grows", size=9))
    target.abandon()

    target.begin()
    target.share().prepare(b"deep/er/whole")
    put_file(target, entry(b"deep/er/grows", size=9), b"all of it")
    target.complete()

    assert (tmp_path / "final/deep/er/grows").read_bytes() == b"all of it"
    assert [path.name for path in tmp_path.iterdir()] == ["final"]


def test_more_files_than_descriptors_can_be_on_their_way(target: DirectoryTarget, tmp_path: Path) -> None:
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)
    count = files.MAX_OPEN * 3
    resource.setrlimit(resource.RLIMIT_NOFILE, (files.MAX_OPEN * 2, limit[1]))
    try:
        restored = [target.create(entry(b"d/%d" % number, size=2)) for number in range(count)]
        for half in (0, 1):
            for number, file in enumerate(restored):
                target.write(file, half, b"%d" % (number % 10))
        for file in restored:
            target.finish(file)
        target.complete()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limit)

    assert all((tmp_path / f"final/d/{number}").read_text() == str(number % 10) * 2 for number in range(count))


def put(layout: Layout, position: int, data: memoryview) -> bytes:
    """What an empty file holds afterwards."""
    place = os.memfd_create("file")
    try:
        layout.put(place, position, data)
        return os.pread(place, 10_000, 0)
    finally:
        os.close(place)


@given(
    st.lists(st.tuples(st.integers(1, 50), st.integers(1, 50)), min_size=1, max_size=40),
    st.integers(0, 999),
    st.integers(1, 999),
)
def test_part_of_a_layout_puts_data_where_the_whole_does(lengths: list[tuple[int, int]], start: int, most: int) -> None:
    places: list[tuple[int, int, int]] = []
    position = offset = 0
    for hole, length in lengths:
        places.append((position, offset + hole, length))
        position, offset = position + length, offset + hole + length
    whole = Layout(b"file", places, position, (0, 0))
    start %= position
    data = memoryview(os.urandom(min(most, position - start)))

    part = whole.part(start, len(data))

    assert put(part, start, data) == put(whole, start, data)
    assert part.places[0][0] <= start
    assert all(at < start + len(data) and start < at + length for at, _, length in part.places)


@given(
    lengths=st.lists(st.tuples(st.integers(0, 40), st.integers(1, 40)), min_size=1, max_size=6),
    piece=st.integers(1, 60),
)
def test_data_lands_in_its_extents_however_it_is_cut(lengths: list[tuple[int, int]], piece: int) -> None:
    extents: list[int] = []
    expected = bytearray()
    data = bytearray()
    for hole, length in lengths:
        fresh = bytes((len(data) + i) % 255 + 1 for i in range(length))
        extents += [len(expected) + hole, length]
        expected += bytes(hole) + fresh
        data += fresh
    place = os.memfd_create("file")
    sparse = entry(b"file", size=len(expected) + 3, extents=extents)
    file = RestoredFile(sparse, data_places(sparse), place)

    file.reserve(place)
    for start in reversed(range(0, len(data), piece)):
        file.layout.put(place, start, memoryview(bytes(data[start : start + piece])))

    assert os.pread(place, 10_000, 0) == bytes(expected) + (
        bytes(3) if file.layout.data_size < file.entry.size else b""
    )
    os.close(place)


def test_large_dense_file_has_its_room_before_its_content(target: DirectoryTarget, tmp_path: Path) -> None:
    target.create(entry(b"large", size=4 * MIB))

    (large,) = tmp_path.glob("*/large")

    assert large.stat().st_blocks * 512 >= 4 * MIB


def test_more_content_than_the_size_is_refused(target: DirectoryTarget) -> None:
    file = target.create(entry(b"file", size=4))
    target.write(file, 0, b"data")

    for position in (-1, 4, 1):
        with pytest.raises(UnsafePathError, match="more content than its size"):
            target.write(file, position, b"more")


def test_less_content_than_the_size_is_not_finished(target: DirectoryTarget) -> None:
    file = target.create(entry(b"file", size=4))
    target.write(file, 0, b"dat")

    with pytest.raises(TargetError, match="has 3 bytes of content, not 4"):
        target.finish(file)


def test_discarded_file_is_gone_and_the_rest_completes(target: DirectoryTarget, tmp_path: Path) -> None:
    damaged = target.create(entry(b"d/damaged", size=4))
    target.write(damaged, 0, b"da")
    put_file(target, entry(b"d/whole", size=4), b"data")

    target.discard(damaged)
    target.complete()

    assert [path.name for path in (tmp_path / "final/d").iterdir()] == ["whole"]


def test_file_replaced_while_closed_is_not_written(
    target: DirectoryTarget, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(target._contents.files, "_limit", 1)
    file = target.create(entry(b"file", size=4))
    target.create(entry(b"other", size=4))
    (place,) = tmp_path.glob("*/file")
    (tmp_path / "theirs").touch()
    (tmp_path / "theirs").rename(place)

    with pytest.raises(TargetError, match="was replaced"):
        target.write(file, 0, b"data")


def test_directory_whose_entry_comes_late_gets_its_metadata(target: DirectoryTarget, tmp_path: Path) -> None:
    put_file(target, entry(b"lost/d/file", size=4), b"data")

    target.make(entry(b"lost/d", Kind.DIRECTORY, mode=0o751))
    target.complete()

    assert (tmp_path / "final/lost/d").stat().st_mode & 0o7777 == 0o751
    assert (tmp_path / "final/lost").stat().st_mode & 0o7777 == 0o700


def test_directories_get_their_times_after_what_is_in_them(target: DirectoryTarget, tmp_path: Path) -> None:
    for depth in range(30):
        path = b"/".join([b"d"] * depth)
        target.make(entry(path, Kind.DIRECTORY, mode=0o755, mtime_ns=depth, xattrs=[(b"user.depth", b"%d" % depth)]))
    for depth in range(30):
        put_file(target, entry(b"d/" * depth + b"file", size=1), b"x")
    target._directories._file.rollover()
    target.complete()

    for depth in range(30):
        place = tmp_path.joinpath("final", *["d"] * depth)
        assert place.stat().st_mtime_ns == depth
        assert os.getxattr(place, "user.depth") == b"%d" % depth
