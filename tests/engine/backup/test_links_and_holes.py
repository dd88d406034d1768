"""Hard links, sparse files, and files of very many chunks or extents."""

from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from proofkeep.errors import SourceUnavailableError
from proofkeep.format.manifest import CONTINUE_EVERY
from proofkeep.model import Node
from proofkeep.sources.directory import DirectorySource
from tests.building import Host, content, plant, planted_host
from tests.vectors import second_reader

BLOCK = 4096


@pytest.fixture
def host(scratch: Path) -> Host:
    return planted_host(scratch)


def entries(host: Host, snapshot: str, *, read: bool = True) -> dict[bytes, second_reader.Entry]:
    """The manifest as the second reader sees it, every content read unless it is too slow for that."""
    reader = host.ground.second_reader()
    (record,) = [record for record in reader.records() if snapshot in record.name]
    found = {entry.path: entry for entry in reader.entries(record)}
    for entry in found.values() if read else ():
        list(reader.content(record, entry))
    return found


def sparse(path: Path, size: int, data: dict[int, bytes]) -> None:
    with path.open("wb") as file:
        file.truncate(size)
        for offset, piece in data.items():
            file.seek(offset)
            file.write(piece)


class StrangeSource(DirectorySource):
    """Calls `at` for each node on its way out of the walk, and `opening` before a file is opened."""

    def __init__(self, host: Host, at: Callable[[bytes], Any], opening: Callable[[bytes], Any]) -> None:
        super().__init__(host.source, label="strange")
        self.at, self.opening = at, opening

    def walk(self, *, reading: bool = False) -> Any:
        for node in super().walk(reading=reading):
            self.at(node.path)
            yield node

    def open(self, node: Node) -> Any:
        self.opening(node.path)
        return super().open(node)


def quiet(_: bytes) -> None:
    """Nothing strange here."""


def test_names_of_one_file_share_a_group_and_its_content_is_read_once(host: Host) -> None:
    plant(host.source, {"d0/first": content(900, 4000)})
    (host.source / "d1/second").hardlink_to(host.source / "d0/first")
    (host.source / "third").hardlink_to(host.source / "d0/first")

    receipt = host.run()

    found = entries(host, receipt.snapshot)
    names = [found[name] for name in (b"d0/first", b"d1/second", b"third")]
    group = host.ground.connect().keys.ids.path_id(b"d0/first")
    assert {(entry.hardlink, entry.chunks) for entry in names} == {(group, names[0].chunks)}
    assert receipt.totals["read_bytes"] == receipt.totals["bytes"] - 2 * 4000
    assert host.ground.read_back(receipt.snapshot) == host.portrait()
    assert host.ground.restored(receipt.snapshot)[0] == host.portrait()


def test_names_of_a_file_that_did_not_change_share_a_group_in_the_next_snapshot_too(host: Host) -> None:
    plant(host.source, {"d0/first": content(900, 4000)})
    (host.source / "d1/second").hardlink_to(host.source / "d0/first")
    host.run()

    receipt = host.run()

    assert receipt.totals["read_bytes"] == 0
    assert host.ground.read_back(receipt.snapshot) == host.portrait()


def test_group_outlives_its_first_name(host: Host) -> None:
    plant(host.source, {"d0/first": content(900, 4000)})
    (host.source / "d1/second").hardlink_to(host.source / "d0/first")
    (host.source / "third").hardlink_to(host.source / "d0/first")
    host.run()
    (host.source / "d0/first").unlink()

    receipt = host.run()

    assert receipt.totals["new_bytes"] == 0
    assert host.ground.read_back(receipt.snapshot) == host.portrait()


def test_second_name_is_read_where_the_first_could_not_be(host: Host) -> None:
    plant(host.source, {"first": content(900, 4000)})
    (host.source / "second").hardlink_to(host.source / "first")

    def refuse(path: bytes) -> None:
        if path == b"first":
            raise SourceUnavailableError("not by this name")

    receipt = host.partial_run(source=StrangeSource(host, quiet, refuse))

    found = entries(host, receipt.snapshot)
    assert (found[b"first"].unread, found[b"second"].unread) == (SourceUnavailableError.code, "")
    assert host.ground.restored(receipt.snapshot)[0][b"second"][-2] == content(900, 4000)


@pytest.mark.parametrize("size", [100, 4000, 9000], ids=["shorter", "same size", "longer"])
def test_file_rewritten_between_two_of_its_names_has_each_content_whole(host: Host, size: int) -> None:
    plant(host.source, {"a first": content(900, 4000)})
    (host.source / "last").hardlink_to(host.source / "a first")
    plant(host.source, {f"in between/{number:03}": b"" for number in range(300)})  # more than the walk takes at once

    def rewrite(path: bytes) -> None:
        if path == b"in between/299":
            (host.source / "last").write_bytes(content(901, size))

    receipt = host.run(source=StrangeSource(host, rewrite, quiet))

    found = entries(host, receipt.snapshot)
    assert (found[b"a first"].size, found[b"last"].size) == (4000, size)
    restored = host.ground.restored(receipt.snapshot)[0]
    assert (restored[b"a first"][-2], restored[b"last"][-2]) == (content(900, 4000), content(901, size))


HOLES: dict[str, tuple[int, dict[int, bytes]]] = {
    "data in the middle": (100 * BLOCK, {10 * BLOCK: content(1, 9000)}),
    "data at both ends": (100 * BLOCK + 7, {0: content(2, 10), 100 * BLOCK: b"7 bytes"}),
    "hole at the end": (50 * BLOCK + 1, {0: content(3, 5000)}),
    "one hole": (1 << 40, {}),
    "zeros in blocks": (20 * BLOCK, {BLOCK: bytes(BLOCK), 9 * BLOCK: bytes(2 * BLOCK)}),
    "many": (400 * BLOCK, {number * 8 * BLOCK: content(number, 1000) for number in range(50)}),
}


@pytest.mark.parametrize("shape", HOLES)
def test_holes_are_not_stored_and_come_back(host: Host, shape: str) -> None:
    size, data = HOLES[shape]
    sparse(host.source / "sparse", size, data)

    receipt = host.run()

    found = entries(host, receipt.snapshot)[b"sparse"]
    blocks = (host.source / "sparse").stat().st_blocks * 512
    assert found.size == size
    assert sum(found.extents[1::2]) <= blocks
    assert host.ground.restored(receipt.snapshot)[0] == host.portrait()
    assert host.run().totals["read_bytes"] == 0


def test_sparse_files_of_the_same_data_at_other_places_share_chunks(host: Host) -> None:
    sparse(host.source / "a", 100 * BLOCK, {8 * BLOCK: content(1, 2 * BLOCK)})
    host.run()
    sparse(host.source / "b", 100 * BLOCK, {80 * BLOCK: content(1, 2 * BLOCK)})

    receipt = host.run()

    assert receipt.totals["new_bytes"] == 0
    assert host.ground.restored(receipt.snapshot)[0] == host.portrait()


def test_file_of_more_chunks_than_a_row_takes_is_whole(host: Host) -> None:
    plant(host.source, {"large": content(1, 400 * CONTINUE_EVERY), "next": b"next"})

    receipt = host.run(pack_size=4 << 20, spool_limit=64 << 20)

    found = entries(host, receipt.snapshot)
    assert len(found[b"large"].chunks) // 32 > CONTINUE_EVERY
    assert host.ground.read_back(receipt.snapshot) == host.portrait()
    assert host.ground.restored(receipt.snapshot)[0] == host.portrait()
    assert host.run().totals["stored"] == 0


@pytest.mark.parametrize("extents", [63, 64, 65, 129, 300])
def test_continuations_put_extents_and_chunks_together_again(host: Host, extents: int) -> None:
    pieces = {number * 2 * BLOCK: content(number, 700) for number in range(extents)}
    sparse(host.source / "sieve", extents * 2 * BLOCK, pieces)

    with patch("proofkeep.backup.segments.CONTINUE_EVERY", 64):
        receipt = host.run(spool_limit=64 << 20)

    found = entries(host, receipt.snapshot, read=False)[b"sieve"]
    assert len(found.extents) == 2 * extents
    assert host.ground.restored(receipt.snapshot)[0] == host.portrait()
