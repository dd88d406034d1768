"""A history that is damaged, emptied or lost: begun anew, and told until somebody has looked."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from proofkeep.attempts import BACKUP, KnownEntry
from tests.engine.history.test_history import PLACE, RUN, opened


def lose(root: Path) -> None:
    for file in root.glob("history.sqlite*"):
        file.unlink()


def write(root: Path, content: bytes) -> None:
    lose(root)
    (root / "history.sqlite").write_bytes(content)


def execute(root: Path, statement: str) -> None:
    with closing(sqlite3.connect(root / "history.sqlite", isolation_level=None)) as database:
        database.execute(statement)


GONE: dict[str, Callable[[Path], None]] = {
    "foreign": lambda root: write(root, b"no database at all" * 100),
    "empty": lambda root: write(root, b""),
    "absent": lose,
    "without its table": lambda root: execute(root, "DROP TABLE attempts"),
    "no JSON": lambda root: execute(root, "UPDATE attempts SET entries='[\"ho'"),
    "no names": lambda root: execute(root, "UPDATE attempts SET entries='[1]'"),
    "no text": lambda root: execute(root, "UPDATE attempts SET message=CAST(x'ff' AS TEXT)"),
    "no instant": lambda root: execute(root, "UPDATE attempts SET began='never'"),
    "no verdict": lambda root: execute(root, "UPDATE things SET sound=2"),
}


@pytest.mark.parametrize("gone", GONE.values(), ids=GONE)
def test_history_that_is_gone_is_begun_anew_told_until_somebody_looked_and_keeps_nobody_from_backing_up(
    tmp_path: Path, gone: Callable[[Path], None]
) -> None:
    with opened(tmp_path) as history, history.recording(BACKUP, PLACE, ["home"], RUN) as recording:
        recording.find(["something"])
    gone(tmp_path)

    with opened(tmp_path) as history:
        before = history.attempts(PLACE)
        with history.recording(BACKUP, PLACE, ["home"], RUN):
            pass
        assert (before, len(history.attempts(PLACE)), history.damaged) == ([], 1, True)
    with opened(tmp_path) as history:
        assert (len(history.attempts(PLACE)), history.damaged) == (1, True)
    for aside in tmp_path.glob("history.sqlite.damaged*"):
        aside.unlink()

    with opened(tmp_path) as history:
        assert not history.damaged


@pytest.mark.parametrize("damage", [b"no database at all" * 100, b""], ids=["foreign", "empty"])
def test_history_that_is_gone_is_told_once_where_nothing_was_attempted_since(tmp_path: Path, damage: bytes) -> None:
    with opened(tmp_path) as history, history.recording(BACKUP, PLACE, ["home"], RUN):
        pass
    write(tmp_path, damage)
    with opened(tmp_path) as history:
        assert history.damaged
    for aside in tmp_path.glob("history.sqlite.damaged*"):
        aside.unlink()

    with opened(tmp_path) as history:
        assert not history.damaged


def test_host_that_never_attempted_anything_has_lost_nothing(tmp_path: Path) -> None:
    (tmp_path / RUN / "runs").mkdir(parents=True)
    for _ in range(2):
        with opened(tmp_path) as history:
            history.know(KnownEntry(PLACE, "home", 60))
            assert not history.damaged
        lose(tmp_path)


def test_history_whose_attempts_were_all_forgotten_is_not_a_lost_one(tmp_path: Path) -> None:
    with opened(tmp_path) as history:
        with history.recording(BACKUP, PLACE, ["home"], RUN):
            pass
        history.forget_place(PLACE)

    with opened(tmp_path) as history:
        assert (history.attempts(PLACE), history.damaged) == ([], False)


def test_loss_of_a_history_that_an_earlier_version_wrote_is_told_once_this_one_has_read_it(tmp_path: Path) -> None:
    with opened(tmp_path) as history, history.recording(BACKUP, PLACE, ["home"], RUN):
        pass
    (tmp_path / "attempted").unlink()
    with opened(tmp_path) as history:
        assert not history.damaged
    lose(tmp_path)

    with opened(tmp_path) as history:
        assert history.damaged
