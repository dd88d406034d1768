"""A host that verifies or drills what other hosts back up: its open failures are told, and no age is asked of it."""

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from proofkeep.attempts import BACKUP, DRILL, VERIFY, KnownEntry
from proofkeep.errors import DamagedError, DrillFailedError, ProofkeepError, StoreError, UsageError
from proofkeep.history import History
from proofkeep.status import BrokenEntry, StatusReport, forget, judge

PLACE = "/srv/packs"
HOME = KnownEntry(PLACE, "home", 3600)


def ended(root: Path, verb: str, entries: Sequence[str], error: ProofkeepError | None = None, run: str = "aa") -> None:
    with History(root) as history, history.recording(verb, PLACE, entries, run) as recording:
        recording.failure = error
        recording.source_at = time.time_ns() if error is None and verb == BACKUP else None


def report(root: Path, *known: KnownEntry, place: str = PLACE, drilled: Sequence[str] = ()) -> StatusReport:
    with History(root) as history:
        return judge(root, history, known, {}, 10**18, place=place, drilled=drilled)


@pytest.mark.parametrize(
    "verb,entries,error,reason",
    [
        (VERIFY, [], DamagedError("a pack is gone"), "verify of all entries: damaged"),
        (DRILL, ["home", "mail"], DrillFailedError("not restored"), "drill of home, mail: drill-failed"),
    ],
)
def test_failure_is_open_where_no_entry_is_backed_up_until_the_same_succeeds(
    verb: str, entries: list[str], error: ProofkeepError, reason: str, tmp_path: Path
) -> None:
    ended(tmp_path, verb, entries, error)
    bad = report(tmp_path)
    ended(tmp_path, verb, entries, run="bb")
    good = report(tmp_path)

    assert (bad.entries, bad.reasons, [each.message for each in bad.failures]) == ([], [reason], [str(error)])
    assert (good.reasons, good.failures) == ([], [])


def test_backup_of_another_entry_closes_no_failure_of_one_that_is_not_listed(tmp_path: Path) -> None:
    ended(tmp_path, BACKUP, ["new"], UsageError("block is gone"))
    ended(tmp_path, BACKUP, ["home"], run="bb")
    bad = report(tmp_path).reasons
    ended(tmp_path, BACKUP, ["new"], run="cc")

    assert bad == ["backup of new: usage"]
    assert report(tmp_path).reasons == []


def test_drill_of_another_hosts_entry_stands_beside_the_own_entrys_ages(tmp_path: Path) -> None:
    ended(tmp_path, DRILL, ["mail"], DrillFailedError("not restored"))

    assert report(tmp_path, HOME).reasons == ["home: overdue", "drill of mail: drill-failed"]


def test_failure_that_a_listed_entry_shows_is_told_there_alone(tmp_path: Path) -> None:
    ended(tmp_path, VERIFY, [], DamagedError("a pack is gone"))

    assert report(tmp_path, HOME).reasons == ["home: overdue, damaged"]


def test_same_failure_of_two_runs_is_one_reason(tmp_path: Path) -> None:
    for run in ("aa", "bb"):
        ended(tmp_path, VERIFY, [], DamagedError("a pack is gone"), run)

    found = report(tmp_path)

    assert (found.reasons, len(found.failures)) == (["verify of all entries: damaged"], 2)


def test_failure_on_a_repository_that_is_served_no_more_is_told_with_its_place_until_that_is_forgotten(
    tmp_path: Path,
) -> None:
    ended(tmp_path, VERIFY, [], DamagedError("a pack is gone"))
    ended(tmp_path, DRILL, [], DrillFailedError("not restored"), "bb")
    bad = report(tmp_path, place="/srv/other")

    with History(tmp_path) as history:
        forget(history, "/srv/other", repository=PLACE)

    assert bad.reasons == [
        "verify of all entries in /srv/packs: damaged",
        "drill of all entries in /srv/packs: drill-failed",
    ]
    assert bad.other_places == [PLACE]
    assert report(tmp_path, place="/srv/other").reasons == []


def test_failure_on_another_repository_that_its_listed_entry_shows_is_told_there_alone(tmp_path: Path) -> None:
    ended(tmp_path, VERIFY, [], DamagedError("a pack is gone"))

    found = report(tmp_path, HOME, place="/srv/other")

    assert (found.reasons, found.other_places) == (["home in /srv/packs: overdue, damaged"], [PLACE])


def test_repository_that_is_served_is_not_forgotten(tmp_path: Path) -> None:
    ended(tmp_path, VERIFY, [], DamagedError("a pack is gone"))

    with History(tmp_path) as history, pytest.raises(UsageError, match="is served by this host"):
        forget(history, PLACE, repository=PLACE)

    assert report(tmp_path).reasons == ["verify of all entries: damaged"]


def test_backup_of_an_entry_that_was_never_listed_is_told_until_the_entry_is_forgotten(tmp_path: Path) -> None:
    ended(tmp_path, BACKUP, ["home"], StoreError("away"))
    bad = report(tmp_path)

    with History(tmp_path) as history:
        forget(history, PLACE, entry="home")

    assert bad.reasons == ["backup of home: store"]
    assert report(tmp_path).reasons == []


def test_damage_that_runs_of_a_forgotten_entry_found_is_open_until_it_is_found_sound(tmp_path: Path) -> None:
    with History(tmp_path) as history:
        with history.recording(DRILL, PLACE, ["home"], "aa") as recording:
            recording.find(["packs/a"])
            recording.failure = DrillFailedError("not restored")
        forget(history, PLACE, entry="home")
    bad = report(tmp_path)
    with History(tmp_path) as history, history.recording(VERIFY, PLACE, [], "bb") as recording:
        recording.sound = ["packs/a"]

    assert bad.reasons == ["forgotten run of all entries: damaged"]
    assert report(tmp_path).reasons == []


def test_backup_that_failed_by_its_broken_entry_is_one_reason(tmp_path: Path) -> None:
    ended(tmp_path, BACKUP, ["home"], UsageError("block is gone"))

    broken = replace(report(tmp_path), broken=[BrokenEntry("home", UsageError("block is gone"))])

    assert broken.reasons == ["home: usage"]


def drills(found: StatusReport) -> dict[str, str | None]:
    """Runs of the last drills of what other hosts back up."""
    return {each.name: None if each.drill is None else each.drill.run for each in found.drilled}


def test_last_drills_of_other_hosts_entries_are_told_where_they_ran(tmp_path: Path) -> None:
    ended(tmp_path, DRILL, ["mail"], run="aa")
    ended(tmp_path, DRILL, ["mail"], run="bb")
    ended(tmp_path, DRILL, ["home"], run="cc")

    assert drills(report(tmp_path, HOME)) == {"mail": "bb"}
    assert drills(report(tmp_path, place="/srv/other")) == {}


def test_entry_that_is_to_be_drilled_here_is_told_before_its_first_drill(tmp_path: Path) -> None:
    assert drills(report(tmp_path, drilled=["mail"])) == {"mail": None}

    ended(tmp_path, DRILL, [], run="aa")

    assert drills(report(tmp_path, drilled=["mail"])) == {"mail": "aa"}


def test_drill_of_a_whole_repository_is_told_where_no_entry_is_known(tmp_path: Path) -> None:
    ended(tmp_path, DRILL, [], run="aa")

    assert drills(report(tmp_path)) == {"all entries": "aa"}
