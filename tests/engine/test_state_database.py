"""A SQLite file of the state directory that several processes open for the first time at once."""

import sqlite3
import threading
from contextlib import closing
from pathlib import Path

from proofkeep.state_database import StateDatabase


def test_who_opens_a_new_database_waits_for_another_that_sets_it_up(tmp_path: Path) -> None:
    file = tmp_path / "new.sqlite"
    with closing(sqlite3.connect(file, isolation_level=None, check_same_thread=False)) as other:
        other.executescript("CREATE TABLE made (by TEXT); BEGIN IMMEDIATE; INSERT INTO made VALUES ('other');")
        end = threading.Timer(0.3, other.commit)
        end.start()

        with closing(StateDatabase(file, "new", "CREATE TABLE IF NOT EXISTS made (by TEXT);")) as database:
            end.join()

            assert database.rows("SELECT by FROM made") == [("other",)]
