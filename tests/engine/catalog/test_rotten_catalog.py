"""A catalog that rotted on its disk: the next snapshot is whole, and restores on a host that never saw that catalog."""

import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from proofkeep.errors import StateDamagedError
from proofkeep.ledger import Head
from tests.building import Ground, Host, content, plant, planted_host

PAGE = 4096


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Host:
    """A host with one snapshot of files with several chunks, one of them with holes."""
    host = planted_host(tmp_path_factory.mktemp("rotten"))
    with (host.source / "d0/holes").open("wb") as file:
        for place in (0, 1 << 20):
            file.seek(place)
            file.write(content(place, 5000))
    host.run()
    shutil.copytree(host.state_root, host.ground.root / "state-kept")
    return host


@pytest.fixture
def host(kept: Host) -> Host:
    """The same, with the state directory of that one snapshot."""
    shutil.rmtree(kept.state_root)
    shutil.copytree(kept.ground.root / "state-kept", kept.state_root)
    return kept


def flipped(value: bytes | int) -> bytes | int:
    """The value with its lowest bit turned, of bytes in their middle, where an id or a number lies."""
    if isinstance(value, int):
        return value ^ 1
    place = len(value) // 2
    return value[:place] + bytes([value[place] ^ 1]) + value[place + 1 :]


def rot(host: Host, table: str, column: str) -> None:
    """Turn one bit of a column in each row, as a disk may do behind SQLite's back."""
    with closing(sqlite3.connect(host.state.catalog_file)) as database, database:
        keys = [row[1] for row in database.execute(f"PRAGMA table_info({table})")]
        for row in database.execute(f"SELECT {','.join(keys)} FROM {table}").fetchall():  # noqa: S608 - ours
            value = row[keys.index(column)]
            if value or value == 0:
                same = " AND ".join(f"{key} IS ?" for key in keys)
                statement = f"UPDATE {table} SET {column}=? WHERE {same}"  # noqa: S608 - ours
                database.execute(statement, (flipped(value), *row))


@pytest.mark.parametrize(
    "table, column",
    [
        ("files", "chunks"),
        ("files", "extents"),
        ("files", "packs"),
        ("segments", "sealed"),
        ("segments", "packs"),
        ("chunks", "id"),
        ("chunks", "pack"),
        ("packs", "header"),
        ("vouched", "sequence"),
        ("heads", "sequence"),
        ("heads", "sha256"),
    ],
)
def test_flipped_bit_in_the_catalog_reaches_no_snapshot(host: Host, table: str, column: str) -> None:
    rot(host, table, column)
    if table != "segments":  # of an unchanged tree only segments are asked for
        plant(host.source, {"d0/another": content(os.getpid(), 100)})

    receipt = host.run()

    assert receipt.complete
    assert host.ground.read_back(receipt.snapshot) == host.portrait()


def test_damaged_row_of_a_pack_is_told_and_the_catalog_learned_anew(host: Host) -> None:
    rot(host, "packs", "header")
    with host.catalog() as catalog, pytest.raises(StateDamagedError, match="catalog is damaged"):
        catalog.pack(1)

    receipt = host.run()

    assert host.ground.read_back(receipt.snapshot) == host.portrait()


def zeroed(data: bytes) -> bytes:
    return bytes(len(data))


@pytest.mark.parametrize(
    "ruin",
    [lambda _: b"", lambda data: data[: len(data) // 2], lambda data: data[:100], zeroed, lambda _: os.urandom(9999)],
    ids=["empty", "half", "header", "zeroes", "noise"],
)
def test_ruined_catalog_is_learned_anew_and_loses_nothing(host: Host, ruin: Callable[[bytes], bytes]) -> None:
    file = host.state.catalog_file
    file.write_bytes(ruin(file.read_bytes()))

    try:
        receipt = host.run()
    except StateDamagedError:
        receipt = host.run()

    assert host.ground.read_back(receipt.snapshot) == host.portrait()


@pytest.mark.parametrize("number", [1, 3, 5])
def test_page_of_the_catalog_that_became_another_is_told_or_passed_over(host: Host, number: int) -> None:
    file = host.state.catalog_file
    pages = file.read_bytes()
    last = len(pages) - PAGE
    file.write_bytes(pages[: number * PAGE] + pages[last:] + pages[(number + 1) * PAGE :])

    try:
        receipt = host.run()
    except StateDamagedError:
        receipt = host.run()

    assert host.ground.read_back(receipt.snapshot) == host.portrait()


def test_catalog_of_another_repository_is_forgotten(host: Host, tmp_path: Path) -> None:
    other = Host(Ground(tmp_path / "other"))
    plant(other.source, {"theirs": b"theirs"})
    other.run()
    host.state.catalog_file.write_bytes(other.state.catalog_file.read_bytes())

    with host.backup() as backup:
        heads = backup.catalog.heads()
        assert backup.findings == []
    receipt = host.run()

    assert heads.keys() == {host.state.writer()}
    assert host.ground.read_back(receipt.snapshot) == host.portrait()


def test_wrong_head_in_the_catalog_is_no_rollback(host: Host) -> None:
    with host.catalog() as catalog:
        catalog._database.change("UPDATE heads SET sequence=sequence + 1000")

        assert catalog.heads() == {}
        catalog.set_head(host.state.writer(), Head(0, bytes(32)))
        assert catalog.heads().keys() == {host.state.writer()}
