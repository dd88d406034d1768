"""A SQLite file of the state directory: opened for the first time by several at once, and with no room to hold rows."""

import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest

from proofkeep import state_database
from proofkeep.errors import StateFullError
from proofkeep.state_database import StateDatabase, temporary_database
from tests.disks import small_disk, temporary_files_on

MIB = 1 << 20


def test_who_opens_a_new_database_waits_for_another_that_sets_it_up(tmp_path: Path) -> None:
    file = tmp_path / "new.sqlite"
    with closing(sqlite3.connect(file, isolation_level=None, check_same_thread=False)) as other:
        other.executescript("CREATE TABLE made (by TEXT); BEGIN IMMEDIATE; INSERT INTO made VALUES ('other');")
        end = threading.Timer(0.3, other.commit)
        end.start()

        with closing(StateDatabase(file, "new", "CREATE TABLE IF NOT EXISTS made (by TEXT);")) as database:
            end.join()

            assert database.rows("SELECT by FROM made") == [("other",)]


def hold_and_put(database: StateDatabase, rows: list[tuple[bytes, bytes]]) -> None:
    with database.transaction():
        database.hold("kept", rows)
        database.put_held("kept", "id")


@pytest.mark.requires("mount", "umount", root=True)
@pytest.mark.parametrize("room, full", [("2m", "temporary files"), ("5m", "test or of temporary files")])
def test_rows_that_temporary_files_have_no_room_for_are_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, room: str, full: str
) -> None:
    """The larger disk has room for what is held, and not for sorting it, too."""
    monkeypatch.setattr(state_database, "_SORTING_KIB", 1024)
    rows = [(number.to_bytes(2, "big"), bytes(MIB // 16)) for number in range(56)]
    setup = "CREATE TABLE kept (id BLOB PRIMARY KEY, value BLOB) WITHOUT ROWID; PRAGMA temp.cache_size=1;"
    with (
        closing(StateDatabase(tmp_path / "held.sqlite", "test", setup)) as database,
        small_disk(tmp_path / "temporary", room) as place,
        temporary_files_on(place),
    ):
        with pytest.raises(StateFullError, match=f"^disk of the {full} is full$"):
            hold_and_put(database, rows)

        assert not database.put_held("kept", "id")
        assert database.rows("SELECT count(*) FROM kept") == [(0,)]


@pytest.mark.requires("mount", "umount", root=True)
def test_full_disk_under_a_temporary_database_is_said_to_be_that_of_temporary_files(tmp_path: Path) -> None:
    setup = "CREATE TABLE kept (id BLOB PRIMARY KEY) WITHOUT ROWID; PRAGMA cache_size=1;"
    with (
        small_disk(tmp_path / "temporary", "64k") as place,
        temporary_files_on(place),
        closing(temporary_database(setup)) as database,
    ):
        database.change("INSERT INTO kept VALUES (x'01')")
        assert list(database.each("SELECT id FROM kept")) == [(b"\x01",)]

        with pytest.raises(StateFullError, match=r"^disk of the temporary files is full$"):
            database.change_many("INSERT INTO kept VALUES (?)", ((bytes([number]) * 1024,) for number in range(2, 99)))
