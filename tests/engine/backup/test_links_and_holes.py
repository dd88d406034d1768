"""Hard links, sparse files, and files of very many chunks or extents."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

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


def entries(host: Host, snapshot: str) -> dict[bytes, second_reader.Entry]:
    """The manifest as the second reader sees it, every content read."""
    reader = host.ground.second_reader()
    (record,) = [record for record in reader.records() if snapshot in record.name]
    found = {entry.path: entry for entry in reader.entries(record)}
    for entry in found.values():
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

    def walk(self) -> Any:
        for node in super().walk():
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
    assert (
        receipt.totals["read_bytes"]
        == sum(path.stat().st_size for path in host.source.rglob("*") if path.is_file() and not path.is_symlink())
        - 2 * 4000
        - (host.source / "link").stat().st_size * 0
    )
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
    plant(host.source, {"first": content(900, 4000)})
    (host.source / "second").hardlink_to(host.source / "first")

    def rewrite(path: bytes) -> None:
        if path == b"second":
            os.utime(host.source / "first", ns=(1, 1))
            (host.source / "first").write_bytes(content(901, size))

    # More than one batch of nodes lies between the two names.
    plant(host.source, {f"many/{number:03}": b"" for number in range(300)})
    (host.source / "second").rename(host.source / "zzz")
    receipt = host.run(source=StrangeSource(host, lambda path: rewrite(b"second") if path == b"zzz" else None, quiet))

    found = entries(host, receipt.snapshot)
    assert (found[b"first"].size, found[b"zzz"].size) == (4000, size)
    restored = host.ground.restored(receipt.snapshot)[0]
    assert (restored[b"first"][-2], restored[b"zzz"][-2]) == (content(900, 4000), content(901, size))


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


@pytest.mark.parametrize("chunks", [CONTINUE_EVERY - 20, CONTINUE_EVERY + 20, 2 * CONTINUE_EVERY + 20])
def test_file_of_very_many_chunks_is_whole(host: Host, chunks: int) -> None:
    plant(host.source, {"large": content(1, 64 * chunks * 5), "next": b"next"})

    receipt = host.run(pack_size=4 << 20, spool_limit=64 << 20)

    found = entries(host, receipt.snapshot)
    assert len(found[b"large"].chunks) // 32 > CONTINUE_EVERY
    assert host.ground.read_back(receipt.snapshot) == host.portrait()
    assert host.ground.restored(receipt.snapshot)[0] == host.portrait()
    again = host.run()
    assert again.totals["stored"] == 0


def test_file_of_very_many_extents_is_whole(host: Host) -> None:
    extents = {number * 2 * BLOCK: b"%8d" % number for number in range(CONTINUE_EVERY + 100)}
    sparse(host.source / "sieve", len(extents) * 2 * BLOCK, extents)

    receipt = host.run(pack_size=4 << 20, spool_limit=256 << 20)

    found = entries(host, receipt.snapshot)[b"sieve"]
    assert len(found.extents) == 2 * len(extents)
    assert host.ground.restored(receipt.snapshot)[0] == host.portrait()
