"""The table of a status, as Markdown."""

from pathlib import Path
from typing import Any

import pytest

from flows.status_card import render
from proofkeep.attempts import DRILL, VERIFY, Attempt, KnownEntry
from proofkeep.status import HISTORY_DAMAGED, DrilledEntry, EntryStatus, StatusReport
from proofkeep.unfinished import OF_NO_PACK, STAYS, UnfinishedRun


def test_packs_that_were_sent_and_given_up_are_listed_with_why_they_stay() -> None:
    given_up = UnfinishedRun(
        "aa" * 16, "bb" * 16, Path("run"), name="home", abandoned=True, remains=3, remains_bytes=3 << 20
    )

    text = render("main", StatusReport([], [], [given_up]), 0)

    assert STAYS in text
    assert f"| `{'bb' * 16}` | home | 3 packs, 3.0 MiB |" in text
    assert "Left over" not in text


def test_run_that_was_cut_in_its_first_pack_is_told_with_its_bytes() -> None:
    cut = UnfinishedRun("aa" * 16, "bb" * 16, Path("run"), name="home", spool_bytes=3 << 20)

    text = render("main", StatusReport([], [cut]), 0)

    assert f"| `{'bb' * 16}` | home | 3.0 MiB | {OF_NO_PACK} |" in text


def test_damaged_history_is_the_verdict_and_says_what_to_do() -> None:
    report = StatusReport([], [], history_damaged=True)

    text = render("main", report, 0)

    assert report.verdict == "history of attempts: state-damaged"
    assert f"**state-damaged**: {HISTORY_DAMAGED}." in text


def test_failed_verify_is_told_where_no_entry_is_backed_up() -> None:
    run = "cc" * 16
    failure = Attempt(1, 2, VERIFY, "/srv/packs", (), run, 0, 1, "damaged", "a pack is gone", None)

    text = render("main", StatusReport([], [], failures=[failure], place="/srv/packs"), 60 * 10**9)

    assert "**verify of all entries: damaged**" in text
    assert f"* all entries, verify `{run}`, 59s ago: **damaged**\n\n  a pack is gone" in text
    assert "No entry is backed up on this host." in text
    assert "| entry |" not in text


def test_failure_on_a_repository_that_is_served_no_more_says_where_it_lies_and_how_it_is_forgotten() -> None:
    failure = Attempt(1, 2, VERIFY, "/srv/old", (), "cc" * 16, 0, 1, "damaged", "a pack is gone", None)

    text = render("main", StatusReport([], [], failures=[failure], place="/srv/packs"), 0)

    assert "**verify of all entries in /srv/old: damaged**" in text
    assert "If this host serves `/srv/old` no more: run this flow with `forget_repository` set to that." in text


def entry(**fields: Any) -> EntryStatus:
    return EntryStatus(KnownEntry("/srv/packs", "home", 3600), 1, "aa", 60, **fields)


def drill_at(ended: int, message: str = "") -> Attempt:
    return Attempt(1, 2, DRILL, "/srv/packs", ("home",), "cc" * 16, 0, ended, "", message, None)


@pytest.mark.parametrize(
    "fields,cell",
    [
        ({}, "none here"),
        ({"drilled_on": "restore-1.example"}, "on restore-1.example, see its status"),
        ({"drill": drill_at(10**9)}, "59s ago, passed"),
        ({"drill": drill_at(10**9, "nothing to restore")}, "59s ago, nothing to restore"),
        (
            {"drill": drill_at(10**9), "drilled_on": "restore-1.example"},
            "on restore-1.example, see its status; here 59s ago, passed",
        ),
    ],
)
def test_entry_says_what_is_known_of_its_drills_and_never_that_there_were_none_elsewhere(
    fields: dict[str, Any], cell: str
) -> None:
    text = render("main", StatusReport([entry(**fields)], []), 60 * 10**9)

    assert f"| home | 1m ago | 1h | {cell} | in time |" in text


def test_host_that_drills_what_others_back_up_answers_for_those_drills() -> None:
    drilled = [DrilledEntry("home", drill_at(10**9)), DrilledEntry("mail", None)]

    text = render("main", StatusReport([], [], drilled=drilled), 60 * 10**9)

    assert "## Drilled here, backed up elsewhere" in text
    assert "| home | 59s ago, passed |\n| mail | none here |" in text
