"""What attempts found damaged, and what sound: known from the moment it is told, however they end."""

import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from contextlib import closing, suppress
from pathlib import Path
from unittest.mock import patch

import pytest

from proofkeep.attempts import DRILL, FORGOTTEN, VERIFY
from proofkeep.errors import (
    DamagedError,
    DrillFailedError,
    ProcessGoneError,
    ProofkeepError,
    SpoolFullError,
    StoreUnavailableError,
)
from proofkeep.history import History
from proofkeep.state_database import StateDatabase
from tests.engine.history.test_history import PLACE, RUN, only, opened


def look(history: History, run: str, *, found: Sequence[str] = (), sound: Sequence[str] = ()) -> list[str]:
    """A verify; what it was told to be known."""
    with history.recording(VERIFY, PLACE, [], run) as recording:
        known = list(recording.known)
        recording.find(found)
        recording.sound = sound
        return known


def test_damage_is_known_until_an_attempt_that_began_later_found_it_sound(tmp_path: Path) -> None:
    with opened(tmp_path) as history:
        with history.recording(VERIFY, PLACE, [], "0") as early:
            look(history, "1", found=["packs/a", "packs/b"])
            early.sound = ["packs/a"]
        known = look(history, "2", sound=["packs/b"])
        after = look(history, "3", found=["packs/b"])

        assert (known, after) == (["packs/a", "packs/b"], ["packs/a"])
        assert history.damage(PLACE) == ["packs/a", "packs/b"]
        assert history.damage("/elsewhere") == []
        found, sound = [(each.found, each.sound) for each in history.attempts(PLACE) if each.run in "12"]
        assert (found, sound) == (
            (frozenset(["packs/a", "packs/b"]), frozenset()),
            (frozenset(), frozenset(["packs/b"])),
        )
        history.forget_place(PLACE)
        assert history.damage(PLACE) == []


def test_what_a_failed_attempt_found_is_remembered(tmp_path: Path) -> None:
    with opened(tmp_path) as history:
        with suppress(DrillFailedError), history.recording(DRILL, PLACE, [], RUN) as recording:
            recording.find(["packs/a"])
            raise DrillFailedError("not restored")

        assert only(history).found == {"packs/a"}
        assert history.damage(PLACE) == ["packs/a"]


def test_what_an_attempt_under_way_finds_is_known_at_once(tmp_path: Path) -> None:
    with opened(tmp_path) as history, history.recording(VERIFY, PLACE, [], RUN) as recording, opened(tmp_path) as other:
        recording.find(["packs/a"])
        assert other.damage(PLACE) == ["packs/a"]
        assert recording.known == ["packs/a"]  # for a second try


def test_killed_attempt_is_remembered_with_what_it_found(tmp_path: Path) -> None:
    script = (
        "import sys, os, signal; from pathlib import Path; from proofkeep.history import History\n"
        "with History(Path(sys.argv[1])) as history, history.recording('verify', '/srv/packs', [], '0') as recording:\n"
        "    recording.find(['packs/a', 'packs/b']); os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", script, tmp_path], check=False)

    with opened(tmp_path) as history:
        assert only(history).code == ProcessGoneError.code
        assert only(history).found == {"packs/a", "packs/b"}
        assert only(history).message == "its process is gone; 2 found damaged by then"


@pytest.mark.parametrize(
    "error, message",
    [
        (StoreUnavailableError("store x cannot be reached"), "store x cannot be reached; 1 found damaged by then"),
        (DamagedError("verify has 1 finding"), "verify has 1 finding"),
    ],
)
def test_message_of_what_was_cut_counts_what_it_had_found(tmp_path: Path, error: ProofkeepError, message: str) -> None:
    with opened(tmp_path) as history:
        with suppress(type(error)), history.recording(VERIFY, PLACE, [], RUN) as recording:
            recording.find(["packs/a"])
            raise error

        assert only(history).message == message


def test_what_was_found_sound_before_a_killed_attempt_found_it_damaged_is_damaged(tmp_path: Path) -> None:
    with opened(tmp_path) as history:
        killed = history.recording(VERIFY, PLACE, [], "0")
        recording = killed.__enter__()
        look(history, "1", sound=["packs/a"])
        recording.find(["packs/a"])
        with patch.object(history, "_end"), suppress(KeyError):
            killed.__exit__(KeyError, KeyError(), None)
        died, seen = history.attempts(PLACE)

        assert history.damage(PLACE) == ["packs/a"]
        assert died.number < seen.number < seen.order < died.order


def test_what_an_attempt_found_sound_in_a_second_try_is_sound(tmp_path: Path) -> None:
    with opened(tmp_path) as history:
        with history.recording(VERIFY, PLACE, [], RUN) as recording:
            recording.find(["packs/a", "packs/b"])
            recording.sound = ["packs/a"]

        assert history.damage(PLACE) == ["packs/b"]


def test_finding_that_cannot_be_written_is_written_with_the_end(tmp_path: Path) -> None:
    with opened(tmp_path) as history:
        with history.recording(VERIFY, PLACE, [], RUN) as recording:
            with patch.object(StateDatabase, "change", side_effect=SpoolFullError("full")):
                recording.find(["packs/a"])
            assert history.damage(PLACE) == []

        assert history.damage(PLACE) == ["packs/a"]


def test_what_runs_of_a_forgotten_entry_found_damaged_is_damaged_until_it_is_found_sound(tmp_path: Path) -> None:
    with opened(tmp_path) as history:
        with suppress(DrillFailedError), history.recording(DRILL, PLACE, ["home"], RUN) as recording:
            recording.find(["packs/a"])
            raise DrillFailedError("not restored")

        history.forget("home", PLACE)

        kept = only(history)
        assert (kept.verb, kept.entries, kept.code) == (FORGOTTEN, (), DamagedError.code)
        assert kept.message == "drill of home: not restored"
        assert history.damage(PLACE) == ["packs/a"]
        look(history, "1", sound=["packs/a"])
        assert history.damage(PLACE) == []


def test_what_runs_of_a_forgotten_entry_found_sound_is_sound(tmp_path: Path) -> None:
    with opened(tmp_path) as history:
        look(history, "1", found=["packs/a"])
        with history.recording(DRILL, PLACE, ["home"], RUN) as recording:
            recording.sound = ["packs/a"]

        history.forget("home", PLACE)

        assert history.damage(PLACE) == []


def test_what_a_run_finds_whose_entry_is_forgotten_meanwhile_is_damaged(tmp_path: Path) -> None:
    with opened(tmp_path) as history:
        with history.recording(DRILL, PLACE, ["home"], RUN) as recording:
            history.forget("home", PLACE)
            recording.find(["packs/a"])

        assert history.damage(PLACE) == ["packs/a"]


def test_success_of_long_ago_that_found_something_sound_stays(tmp_path: Path) -> None:
    with History(tmp_path, lambda: 0) as history:
        look(history, "1", found=["packs/a"])
        look(history, "2", sound=["packs/a"])
    with History(tmp_path, lambda: 401 * 86_400 * 10**9) as history:
        look(history, "3")

        assert history.damage(PLACE) == []
        assert [attempt.run for attempt in history.attempts(PLACE)] == ["1", "2", "3"]


def test_damage_of_a_version_that_did_not_note_it_is_everything_until_somebody_reads_all(tmp_path: Path) -> None:
    with opened(tmp_path) as history, suppress(DamagedError), history.recording(VERIFY, PLACE, [], RUN):
        raise DamagedError("verify has 1 findings")
    with closing(sqlite3.connect(tmp_path / "history.sqlite")) as database:
        database.executescript("DROP TABLE things; PRAGMA user_version=0;")

    for _ in range(2):
        with opened(tmp_path) as history:
            assert history.damage(PLACE) == ["everything"]
