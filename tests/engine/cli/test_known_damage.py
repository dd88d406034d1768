"""Damage that was found stays open until somebody looked at it again, whatever else ends well meanwhile."""

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from proofkeep.damage import is_object
from proofkeep.history import History
from tests.engine.cli.places import Place, unprivileged
from tests.engine.cli.test_exit_codes import damage_largest_pack
from tests.engine.cli.test_status import only, status
from tests.settling import let_settle

Mend = Callable[[], None]


@pytest.fixture
def altered(repository: Place) -> tuple[Place, Mend]:
    """A place whose source is backed up and settled, and whose largest pack was altered at its size; what mends it."""
    let_settle(repository.source)
    repository.done("backup")
    store = repository.root / "store"
    pack = max(store.glob("packs/*/*/*"), key=lambda path: path.stat().st_size)
    content = pack.read_bytes()
    damage_largest_pack(store)
    return repository, lambda: _rewrite(pack, content)


def _rewrite(pack: Path, content: bytes) -> None:
    pack.unlink()
    pack.write_bytes(content)


def failures(place: Place) -> list[tuple[str, str]]:
    """Verbs and codes of what is open of the one entry; the exit code agrees."""
    code, told = status(place)
    found = [(each["verb"], each["code"]) for each in only(told["entries"])["failures"]]
    assert code == (7 if found else 0)
    return found


def findings(place: Place, *command: str) -> list[dict[str, Any]]:
    ended = place.run(*command, "--json")
    assert ended.code in {4, 5}, ended.err
    result: list[dict[str, Any]] = ended.document["result"]["findings"]
    return result


def test_every_verify_reads_what_is_known_to_be_damaged_and_only_sound_bytes_close_the_failure(
    altered: tuple[Place, Mend],
) -> None:
    place, mend = altered
    place.done("verify")  # a listing sees nothing, and nothing is known yet
    found = findings(place, "verify", "--read-all")

    assert findings(place, "verify") == findings(place, "verify", "--sample", "1%") == found
    assert set(failures(place)) == {("verify", "damaged")}
    mend()
    told = place.done("verify")
    assert told["read"] == 1
    assert failures(place) == []


def test_damage_that_a_lost_history_knew_is_asked_about_and_kept_off_again_once_all_is_read(
    altered: tuple[Place, Mend],
) -> None:
    place, _ = altered
    findings(place, "verify", "--read-all")
    for file in (place.root / "state").glob("history.sqlite*"):
        file.unlink()

    relying = place.done("backup")["totals"]["new_bytes"]
    code, told = status(place)
    findings(place, "verify", "--read-all")
    sent = place.done("backup")["totals"]["new_bytes"]

    assert (relying, code, told["history_damaged"]) == (0, 7, True)
    assert sent > 0
    place.done("restore", "latest", place.root / "restored")


def test_backup_sends_again_what_lay_in_a_pack_that_was_found_damaged_and_closes_nothing(
    altered: tuple[Place, Mend],
) -> None:
    place, mend = altered
    unchanged = place.done("backup")["totals"]
    findings(place, "verify", "--read-all")
    sent = place.done("backup")["totals"]
    after = place.done("backup")["totals"]

    assert unchanged["unchanged_files"] == after["unchanged_files"] > sent["unchanged_files"]
    assert (unchanged["new_bytes"], after["new_bytes"]) == (0, 0)
    assert sent["new_bytes"] == unchanged["bytes"] - len(b"small")  # of two names of one file
    place.done("restore", "latest", place.root / "restored")
    assert failures(place) == [("verify", "damaged")]
    findings(place, "verify")
    mend()
    place.done("verify")
    assert failures(place) == []


def test_message_names_the_first_code_and_findings_the_entry(altered: tuple[Place, Mend]) -> None:
    place, _ = altered

    ended = place.run("verify", "--read-all", "--json")

    assert ended.document["error"]["message"] == "verify has 2 findings, the first: integrity"
    of_pack, of_snapshot = ended.document["result"]["findings"]
    assert of_pack["subject"].startswith("packs/")
    assert of_snapshot["detail"] == "1 of its packs, entry home, are missing or damaged"


def test_restore_that_found_damage_is_open_until_a_verify_read_it_back_sound(altered: tuple[Place, Mend]) -> None:
    place, mend = altered
    findings(place, "restore", "latest", str(place.root / "restored"))

    assert failures(place) == [("restore", "damaged")]
    findings(place, "verify")
    assert failures(place) == [("restore", "damaged"), ("verify", "damaged")]
    mend()
    place.done("verify")
    assert failures(place) == []


def test_backup_relies_on_no_pack_that_a_restore_found_damaged(altered: tuple[Place, Mend]) -> None:
    place, _ = altered
    findings(place, "restore", "latest", str(place.root / "restored"))

    assert place.done("backup")["totals"]["new_bytes"] > 0
    place.done("restore", "latest", place.root / "whole")


def test_drill_of_other_files_closes_no_drill_that_found_damage(altered: tuple[Place, Mend]) -> None:
    place, mend = altered
    place.configure(drill="per_stratum = 100")
    findings(place, "drill", "--no-live")
    place.configure(drill="per_stratum = 1")

    assert any(each["code"] == "integrity" for each in findings(place, "drill", "--no-live"))
    assert set(failures(place)) == {("drill", "drill-failed")}
    mend()
    place.done("verify")
    assert set(failures(place)) == {("drill", "drill-failed")}  # a drill's failure wants a drill
    place.done("drill", "--no-live")
    assert failures(place) == []


def test_backup_of_another_entry_relies_on_nothing_that_a_drill_of_a_forgotten_one_found_damaged(
    altered: tuple[Place, Mend],
) -> None:
    place, _ = altered
    place.configure(drill="per_stratum = 100")
    findings(place, "drill", "--no-live", "--entry", "home")
    place.configure(top=place.sections[""].replace('"home"', '"other"'))
    told = place.run("status", "--forget", "home")

    assert "open: forgotten run " in told.out
    assert place.done("backup")["totals"]["new_bytes"] > 0
    place.done("restore", "latest", place.root / "restored")


def test_failure_without_damage_is_closed_by_whatever_passes(altered: tuple[Place, Mend]) -> None:
    place, mend = altered
    mend()
    hidden = (place.root / "store").rename(place.root / "away")
    assert place.run("verify").code != 0
    hidden.rename(place.root / "store")

    place.done("verify")

    assert failures(place) == []


def test_restore_that_ends_for_damage_is_open_until_everything_was_read_and_found_sound(repository: Place) -> None:
    repository.done("backup")
    (key,) = (repository.root / "store").glob("keys/*/*/*")
    content = key.read_bytes()
    _rewrite(key, bytes(len(content)))

    assert repository.run("restore", "latest", repository.root / "restored").code == 1
    assert failures(repository) == [("restore", "malformed")]
    _rewrite(key, content)
    repository.done("verify")
    assert failures(repository) == [("restore", "malformed")]
    repository.done("verify", "--read-all")
    assert failures(repository) == []


@contextmanager
def cut(place: Place) -> Iterator[Sequence[str]]:
    """Within, the store refuses what a verify asks for last; what commands have to run under to meet that."""
    folder = place.root / "store/secrets"
    mode = folder.stat().st_mode
    folder.chmod(0)
    yield unprivileged()
    folder.chmod(mode)


def test_verify_that_is_cut_is_open_until_what_it_had_found_was_read_back_sound(altered: tuple[Place, Mend]) -> None:
    place, mend = altered
    with cut(place) as under:
        ended = place.run("verify", "--read-all", "--json", under=under)

    assert ended.document["error"]["code"] == "store-denied"
    (failure,) = only(status(place)[1]["entries"])["failures"]
    assert failure["message"] == f"{ended.document['error']['message']}; 2 found damaged by then"
    findings(place, "verify")
    mend()
    place.done("verify")
    assert failures(place) == []


def test_what_a_drill_had_found_before_it_was_cut_is_read_by_every_verify(repository: Place) -> None:
    repository.done("backup")
    pack = max((repository.root / "store").glob("packs/*/*/*"), key=lambda path: path.stat().st_size)
    aside = pack.rename(repository.root / "aside")
    with cut(repository) as under:
        assert repository.run("drill", "--no-live", under=under).code == 5
    aside.rename(pack)

    assert repository.done("verify")["read"] == 1  # what is known to be damaged
    assert failures(repository) == [("drill", "store-denied")]
    assert repository.done("drill", "--no-live")["passed"]
    assert failures(repository) == []


def test_restore_that_came_to_its_end_is_known_by_what_it_read_back(altered: tuple[Place, Mend]) -> None:
    place, _ = altered
    findings(place, "restore", "latest", str(place.root / "restored"))

    with History(place.root / "state") as history:
        (there,) = history.places()
        (known,) = history.damage(there)

    assert is_object(known)


_KILLED = """
import os, signal
from unittest.mock import patch
from proofkeep.cli import main
with patch("proofkeep.restore.run.damage_met", lambda *_: os.kill(os.getpid(), signal.SIGKILL)):
    main()
"""
"""A console script whose restore dies once all is fetched, before it knows why something did not open."""


def test_restore_that_is_killed_is_open_until_what_it_had_found_was_read_back_sound(
    altered: tuple[Place, Mend],
) -> None:
    place, mend = altered
    command = [sys.executable, "-c", _KILLED, "restore", "latest", str(place.root / "restored")]
    killed = subprocess.run(command, cwd=place.root, env=place.started_with(), check=False, capture_output=True)

    assert killed.returncode == -signal.SIGKILL, killed.stderr
    (failure,) = only(status(place)[1]["entries"])["failures"]
    assert (failure["verb"], failure["code"]) == ("restore", "process-gone")
    assert failure["message"] == "its process is gone; 1 found damaged by then"
    mend()
    assert place.done("verify")["read"] == 2  # the pack and its data key
    assert failures(place) == []
