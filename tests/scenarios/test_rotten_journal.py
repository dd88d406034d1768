"""A journal that rots between sealing and commit: the run says so, and nothing of it is committed."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from proofkeep.backup import drive
from proofkeep.errors import StateDamagedError
from tests.building import NO_WAIT, Host, planted_host
from tests.scenarios.test_rotten_spool import sealed


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Host:
    return planted_host(tmp_path_factory.mktemp("rotten"))


def rot(file: Path, table: str, column: str, where: str) -> None:
    """Turn one bit of a value, as a disk may do behind SQLite's back."""
    with closing(sqlite3.connect(file)) as database, database:
        (value,) = database.execute(f"SELECT {column} FROM {table} WHERE {where}").fetchone()  # noqa: S608 - ours
        if isinstance(value, int):
            rotten: int | str | bytes = value ^ 8
        else:
            data = bytearray(value if isinstance(value, bytes) else value.encode())
            data[len(data) // 2] ^= 1
            rotten = bytes(data) if isinstance(value, bytes) else data.decode()
        database.execute(f"UPDATE {table} SET {column}=? WHERE {where}", (rotten,))  # noqa: S608 - ours


@pytest.mark.parametrize(
    "table, column, where",
    [
        ("objects", "body", "kind='key'"),
        ("facts", "value", "name='end'"),
        ("facts", "value", "name='source_at'"),
        ("packs", "header", "number=1"),
        ("packs", "size", "number=1"),
        ("packs", "counter", "number=1"),
    ],
)
def test_what_a_commit_would_make_unreadable_is_refused(host: Host, table: str, column: str, where: str) -> None:
    before = host.ground.names("snapshots/")
    run = os.urandom(16)
    (host.source / "new").write_bytes(run)
    with host.backup(run) as backup:
        sealed(backup)
    rot(host.state.run(run) / "journal.sqlite", table, column, where)

    with pytest.raises(StateDamagedError, match="journal is damaged"):
        host.run(run)

    assert host.ground.names("snapshots/") == before
    receipt = host.run()
    assert host.ground.read_back(receipt.snapshot) == host.portrait()


@pytest.mark.parametrize("column", ["sent", "verified"])
def test_rotten_word_of_the_store_is_not_handed_on_to_the_ledger(host: Host, column: str) -> None:
    run = os.urandom(16)
    (host.source / "new").write_bytes(run)
    with host.backup(run) as backup:
        sealed(backup)
        for transfer in backup.transfers():
            backup.upload(transfer)
            backup.verify(transfer)
        rot(host.state.run(run) / "journal.sqlite", "packs", column, "number=1")

        with pytest.raises(StateDamagedError, match="journal is damaged"):
            drive(backup, wait=NO_WAIT)
