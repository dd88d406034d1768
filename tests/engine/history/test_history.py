"""What a host remembers of its attempts, however they end."""

import itertools
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing, suppress
from pathlib import Path
from unittest.mock import patch

import pytest

from proofkeep.attempts import BACKUP, DRILL, VERIFY, Attempt, KnownEntry
from proofkeep.errors import (
    CancelledError,
    DrillFailedError,
    PartialSnapshotError,
    ProcessGoneError,
    SpoolFullError,
    StoreUnavailableError,
    UnexpectedError,
    UsageError,
)
from proofkeep.history import History
from proofkeep.state_database import StateDatabase

PLACE = "/srv/packs"
RUN = "00" * 16


def opened(root: Path) -> History:
    instants = itertools.count(1000)
    return History(root, lambda: next(instants))


def only(history: History) -> Attempt:
    (attempt,) = history.attempts(PLACE)
    return attempt


def test_success_is_remembered_with_its_instant(tmp_path: Path) -> None:
    with opened(tmp_path) as history, history.recording(BACKUP, PLACE, ["home"], RUN) as recording:
        recording.source_at = 7

    with opened(tmp_path) as history:
        attempt = only(history)
    assert (attempt.entries, attempt.run, attempt.code, attempt.source_at) == (("home",), RUN, "", 7)
    assert attempt.ended is not None
    assert not attempt.failed
    assert list((tmp_path / "attempts").iterdir()) == []


def test_error_is_remembered_by_its_code_and_goes_on(tmp_path: Path) -> None:
    with opened(tmp_path) as history:
        with pytest.raises(StoreUnavailableError), history.recording(BACKUP, PLACE, ["home"], RUN):
            raise StoreUnavailableError("store x cannot be reached")

        assert (only(history).code, only(history).message) == ("store-unavailable", "store x cannot be reached")


def test_foreign_error_is_remembered_by_its_class_alone(tmp_path: Path) -> None:
    with opened(tmp_path) as history:
        with pytest.raises(ValueError, match="secret name"), history.recording(BACKUP, PLACE, ["home"], RUN):
            raise ValueError("secret name")

        assert (only(history).code, only(history).message) == (UnexpectedError.code, "ValueError")


def test_interrupted_attempt_is_remembered_as_cancelled(tmp_path: Path) -> None:
    with opened(tmp_path) as history:
        with pytest.raises(KeyboardInterrupt), history.recording(BACKUP, PLACE, ["home"], RUN):
            raise KeyboardInterrupt

        assert only(history).code == "cancelled"


def test_end_that_is_no_success_needs_no_exception(tmp_path: Path) -> None:
    with opened(tmp_path) as history:
        with history.recording(BACKUP, PLACE, ["home"], RUN) as recording:
            recording.failure = PartialSnapshotError("incomplete")

        assert (only(history).code, only(history).failed) == ("partial-snapshot", True)


def test_attempt_under_way_has_no_code(tmp_path: Path) -> None:
    with opened(tmp_path) as history, history.recording(BACKUP, PLACE, ["home"], RUN), opened(tmp_path) as other:
        assert (only(other).code, only(other).ended) == (None, None)


def test_attempt_whose_process_was_killed_has_died(tmp_path: Path) -> None:
    script = (
        "import sys, os, signal; from pathlib import Path; from proofkeep.history import History\n"
        "with History(Path(sys.argv[1])) as history, history.recording('backup', '/srv/packs', ['home'], '0'):\n"
        "    os.kill(os.getpid(), signal.SIGKILL)"
    )
    ended = subprocess.run([sys.executable, "-c", script, tmp_path], check=False)
    assert ended.returncode == -signal.SIGKILL

    with opened(tmp_path) as history:
        assert (only(history).code, only(history).failed, only(history).ended) == (ProcessGoneError.code, True, None)
    with closing(sqlite3.connect(tmp_path / "history.sqlite")) as written:
        assert written.execute("SELECT code FROM attempts").fetchall() == [(None,)]  # whatever version reads it


def leave_killed(history: History, run: str = RUN) -> None:
    """An attempt as SIGKILL leaves it: begun, not ended, its lock free."""
    with patch.object(history, "_end"), suppress(KeyError), history.recording(BACKUP, PLACE, ["home"], run):
        raise KeyError


def test_killed_attempt_ends_as_somebody_says_and_stays_where_it_is_in_the_order(tmp_path: Path) -> None:
    with opened(tmp_path) as history:
        leave_killed(history)
        leave_killed(history, "later")
        before = history.attempts(PLACE)

        history.end_killed(RUN, CancelledError("run was cancelled"), 7)

        told, later = history.attempts(PLACE)
        assert (told.code, told.message, told.ended) == ("cancelled", "run was cancelled", 7)
        assert (told.order, later) == (before[0].order, before[1])


def test_only_the_last_attempt_of_a_run_was_cancelled_and_none_that_is_under_way_or_has_ended(tmp_path: Path) -> None:
    with opened(tmp_path) as history:
        leave_killed(history)
        with history.recording(BACKUP, PLACE, ["home"], RUN):
            history.end_killed(RUN, CancelledError("early"), 7)
        history.end_killed(RUN, CancelledError("late"), 7)

        assert [each.code for each in history.attempts(PLACE)] == [ProcessGoneError.code, ""]


def test_end_that_cannot_be_written_leaves_no_success(tmp_path: Path) -> None:
    with opened(tmp_path) as history:
        with history.recording(BACKUP, PLACE, ["home"], RUN):
            full = patch.object(StateDatabase, "change", side_effect=SpoolFullError("full"))
            full.start()
        full.stop()

        assert only(history).code == ProcessGoneError.code


def test_attempts_are_told_by_place(tmp_path: Path) -> None:
    with opened(tmp_path) as history:
        with history.recording(BACKUP, PLACE, ["home"], RUN):
            pass

        assert history.attempts("/elsewhere") == []


def test_entry_is_known_as_it_was_configured_last_until_it_is_forgotten(tmp_path: Path) -> None:
    with opened(tmp_path) as history:
        for allowed in (60, 3600):
            history.know(KnownEntry(PLACE, "home", allowed))
        with history.recording(BACKUP, PLACE, ["home"], RUN):
            pass
        before = history.entries()

        history.forget("home", PLACE)

        assert before == [KnownEntry(PLACE, "home", 3600)]
        assert (history.entries(), history.attempts(PLACE)) == ([], [])
        with pytest.raises(UsageError, match="was never backed up or drilled here"):
            history.forget("home", PLACE)


def test_entry_that_was_only_drilled_here_is_forgotten_and_the_others_of_its_drills_stay(tmp_path: Path) -> None:
    with opened(tmp_path) as history:
        for entries in (["home"], ["home", "mail"], []):
            with pytest.raises(DrillFailedError), history.recording(DRILL, PLACE, entries, RUN):
                raise DrillFailedError("not restored")

        history.forget("home", PLACE)

        assert [attempt.entries for attempt in history.attempts(PLACE)] == [("mail",), ()]


def test_entry_is_forgotten_in_one_repository_and_stays_known_in_another(tmp_path: Path) -> None:
    with opened(tmp_path) as history:
        for place in (PLACE, "/srv/other"):
            history.know(KnownEntry(place, "home", 60))
            with pytest.raises(DrillFailedError), history.recording(DRILL, place, ["home"], RUN):
                raise DrillFailedError("not restored")

        history.forget("home", PLACE)

        assert history.entries() == [KnownEntry("/srv/other", "home", 60)]
        assert (history.attempts(PLACE), len(history.attempts("/srv/other"))) == ([], 1)


def test_repository_is_forgotten_with_its_entries_and_attempts_and_no_other(tmp_path: Path) -> None:
    with opened(tmp_path) as history:
        for place in (PLACE, "/srv/other"):
            history.know(KnownEntry(place, "home", 60))
            for entries in (["home"], []):
                with history.recording(VERIFY, place, entries, RUN):
                    pass
        before = history.places()

        history.forget_place(PLACE)

        assert before == sorted([PLACE, "/srv/other"])
        assert (history.places(), len(history.attempts("/srv/other"))) == (["/srv/other"], 2)
        assert history.entries() == [KnownEntry("/srv/other", "home", 60)]
        with pytest.raises(UsageError, match="is remembered on this host"):
            history.forget_place(PLACE)


def test_successes_of_long_ago_go_and_failures_stay(tmp_path: Path) -> None:
    day = 86_400 * 10**9
    with History(tmp_path, lambda: 0) as history:
        with history.recording(BACKUP, PLACE, ["home"], "1"):
            pass
        with pytest.raises(SpoolFullError), history.recording(BACKUP, PLACE, ["home"], "2"):
            raise SpoolFullError("full")
    with History(tmp_path, lambda: 401 * day) as history:
        with history.recording(BACKUP, PLACE, ["home"], "3"):
            pass

        assert [attempt.run for attempt in history.attempts(PLACE)] == ["2", "3"]


def test_files_are_for_their_owner_only(tmp_path: Path) -> None:
    root = tmp_path / "state"
    with opened(root) as history, history.recording(BACKUP, PLACE, ["home"], RUN):
        modes = {path.name: path.stat().st_mode & 0o777 for path in (root, root / "attempts", root / "history.sqlite")}

    assert modes["state"] == modes["attempts"] == 0o700
    assert modes["history.sqlite"] == 0o600
