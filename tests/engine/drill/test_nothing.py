"""Drills of what holds no file, or none that may be drawn: they restore nothing, prove nothing, and say so."""

import shutil
from dataclasses import replace
from typing import Any

import pytest

from proofkeep.drill import Plan, render_markdown
from proofkeep.errors import DrillFailedError, PartialSnapshotError, SourceUnavailableError, UsageError
from proofkeep.model import Node
from proofkeep.sources.directory import DirectorySource
from tests.engine.drill.house import House
from tests.engine.drill.test_run import results

PLAN = Plan("2026-q4")


def leave_folders_alone(house: House) -> None:
    """A source without a regular file."""
    shutil.rmtree(house.source)
    (house.source / "folder").mkdir(parents=True)
    (house.source / "link").symlink_to("folder")


def entry_id(house: House, name: str = "home") -> str:
    return house.repository.keys.entry_id(name).hex()


def test_entry_without_a_regular_file_has_nothing_to_restore(house: House) -> None:
    leave_folders_alone(house)
    house.backup()

    report = house.drill(PLAN)

    document = house.evidence("2026-q4")
    assert (report.passed, report.verdict, report.note) == (True, "nothing to restore", "nothing to restore")
    assert {results(document)[each] for each in ("media-reliability", "information-integrity")} == {"not-tested"}
    untold = f"entry {entry_id(house)}: nothing of it was restored, no file of it could be drawn"
    assert untold in document["not_tested"]
    assert render_markdown(document).startswith("# Restore drill 2026-q4: nothing to restore\n")


def test_drill_says_of_how_many_entries_nothing_was_to_restore(house: House) -> None:
    house.backup()
    leave_folders_alone(house)
    house.backup(entry="other")

    report = house.drill(PLAN)

    assert report.passed
    assert report.verdict == report.note == "passed, nothing to restore of 1 of 2 entries"


def test_drill_that_restored_of_every_entry_has_nothing_to_add(stored: House) -> None:
    report = stored.drill(PLAN)

    assert (report.verdict, report.note) == ("passed", "")


def test_drill_whose_limit_leaves_out_all_content_of_an_entry_fails_and_says_what(stored: House) -> None:
    """The empty file that is left has no content that could prove anything."""
    with pytest.raises(DrillFailedError, match=rf"no content of entry {entry_id(stored)}") as failed:
        stored.drill(replace(PLAN, largest=1))

    document = stored.evidence("2026-q4")
    assert (failed.value.code, failed.value.hint) == (UsageError.code, UsageError.hint)
    assert "16 files larger than `largest`, 1 bytes" in str(failed.value)
    assert document["result"] == "failed"
    assert [(each["code"], each["subject"]) for each in document["findings"]] == [
        ("usage", f"entry {entry_id(stored)}")
    ]
    assert document["population"]["left_out"]["larger_than_limit"] == 16


def test_entry_of_which_no_file_was_read_at_backup_fails_the_drill(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_source: DirectorySource, _node: Node) -> Any:
        raise SourceUnavailableError("no")

    leave_folders_alone(house)
    (house.source / "file").write_bytes(b"content")
    with monkeypatch.context() as away:
        away.setattr(DirectorySource, "read_whole", lambda *_: False)
        away.setattr(DirectorySource, "open", refuse)
        with pytest.raises(PartialSnapshotError):
            house.backup()

    with pytest.raises(DrillFailedError):
        house.drill(PLAN)

    found = {(each["code"], each["detail"]) for each in house.evidence("2026-q4")["findings"]}
    told = f"no content of entry {entry_id(house)} could be drawn: 1 file not read completely at backup"
    assert (PartialSnapshotError.code, told) in found


def test_limit_that_leaves_out_one_of_two_entries_fails_the_drill_of_both(house: House) -> None:
    house.backup()
    leave_folders_alone(house)
    (house.source / "image").write_bytes(b"x" * 200_000)
    house.backup(entry="other")

    with pytest.raises(DrillFailedError, match=f"no content of entry {entry_id(house, 'other')}"):
        house.drill(replace(PLAN, largest=100_000))

    document = house.evidence("2026-q4")
    assert {each["entry"] for each in document["sample"] if each["result"] == "equal"} == {entry_id(house)}
