"""Which failures are open: nothing but a later success about the same thing closes one."""

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from proofkeep.attempts import BACKUP, DRILL, RESTORE, VERIFY, Attempt, KnownEntry
from proofkeep.errors import ProcessGoneError
from proofkeep.history import History
from proofkeep.snapshots import CommittedSnapshot
from proofkeep.status import judge, newest_complete, open_failures
from tests.building import Host, content, plant, planted_host
from tests.engine.backup.test_generations import RefusingSource
from tests.scenarios.test_two_writers import seal_and_send

A, B = "aa" * 16, "bb" * 16
DIED = ProcessGoneError.code
HOUR = 3600
HOUR_NS = HOUR * 10**9


def attempt(number: int, *, verb: str = BACKUP, code: str | None = "", **fields: Any) -> Attempt:
    """One that began at 100 times its number and took 10; in the order it is 10 times its number."""
    began = 100 * number
    values: dict[str, Any] = {
        "entries": ("home",),
        "run": A,
        "began": began,
        "order": 10 * number + (code not in {None, DIED}),
        "ended": None if code in {None, DIED} else began + 10,
        "message": "",
        "source_at": began + 1 if verb == BACKUP and code == "" else None,
    } | fields
    return Attempt(10 * number, verb=verb, place="/srv/packs", code=code, **values)


def codes(*attempts: Attempt, newest: CommittedSnapshot | None = None) -> list[str | None]:
    return [each.code for each in open_failures(attempts, newest, attempts)]


@pytest.mark.parametrize("code", ["store-unavailable", "partial-snapshot", "cancelled", DIED])
def test_failure_is_open_until_a_later_run_succeeds(code: str) -> None:
    failure = attempt(1, code=code)

    assert codes(failure) == [code]
    assert codes(failure, attempt(2, run=B)) == []
    assert codes(failure, attempt(2)) == []


def test_success_before_a_failure_closes_nothing() -> None:
    assert codes(attempt(1, run=B), attempt(2, code="spool-full")) == ["spool-full"]


def test_attempt_under_way_closes_nothing_and_is_no_failure() -> None:
    assert codes(attempt(1, code="store"), attempt(2, code=None)) == ["store"]


def test_late_commit_of_an_older_instant_closes_nothing() -> None:
    zombie = attempt(1, run=B, order=30, ended=900, source_at=101)

    assert codes(zombie, attempt(2, code="store")) == ["store"]


def test_retry_of_the_failed_run_closes_it_whatever_its_instant() -> None:
    assert codes(attempt(1, code="store"), attempt(2, source_at=50)) == []


def test_run_that_fails_again_and_again_is_told_once_with_its_last_code() -> None:
    assert codes(attempt(1, code="store"), attempt(2, code="spool-full")) == ["spool-full"]


def test_failed_verify_is_open_until_a_later_verify_passes() -> None:
    failure = attempt(1, verb=VERIFY, code="damaged", entries=())

    assert codes(failure, attempt(2), attempt(3, verb=DRILL)) == ["damaged"]
    assert codes(failure, attempt(4, verb=VERIFY, run=B, entries=())) == []


def test_drill_of_other_entries_closes_no_failed_drill() -> None:
    failure = attempt(1, verb=DRILL, code="drill-failed", entries=("home", "mail"))

    assert codes(failure, attempt(2, verb=DRILL, run=B, entries=("home",))) == ["drill-failed"]
    assert codes(failure, attempt(2, verb=DRILL, run=B, entries=("home", "mail", "web"))) == []
    assert codes(failure, attempt(2, verb=DRILL, run=B, entries=())) == []


def test_drill_of_everything_that_failed_is_closed_by_nothing_less() -> None:
    failure = attempt(1, verb=DRILL, code="drill-failed", entries=())

    assert codes(failure, attempt(2, verb=DRILL, run=B)) == ["drill-failed"]


def test_drill_that_restored_nothing_closes_no_failed_drill() -> None:
    failure = attempt(1, verb=DRILL, code="drill-failed")
    nothing = attempt(2, verb=DRILL, run=B, message="nothing to restore")

    assert codes(failure, nothing) == codes(failure, replace(nothing, entries=())) == ["drill-failed"]
    assert codes(failure, nothing, attempt(3, verb=DRILL, run="cc" * 16)) == []


def test_drill_that_restored_nothing_of_some_entries_closes_only_a_drill_of_the_very_same() -> None:
    """It does not say of which."""
    several = ("home", "mail")
    partly = attempt(2, verb=DRILL, run=B, entries=several, message="passed, nothing to restore of 1 of 2 entries")

    assert codes(attempt(1, verb=DRILL, code="drill-failed"), partly) == ["drill-failed"]
    assert codes(attempt(1, verb=DRILL, code="drill-failed", entries=several), partly) == []


@pytest.mark.parametrize("verb", [VERIFY, DRILL])
def test_cancelled_verify_or_drill_is_no_failure(verb: str) -> None:
    assert codes(attempt(1, verb=verb, code="cancelled")) == []


@pytest.mark.parametrize("code", ["cancelled", "store-unavailable", DIED])
def test_verify_that_was_cut_is_open_for_the_damage_it_had_found(code: str) -> None:
    failure = attempt(1, **found("packs/a") | {"code": code})

    assert codes(failure, attempt(2, **passed())) == [code]
    assert codes(failure, attempt(2, **passed("packs/a"))) == []


def found(*things: str) -> dict[str, Any]:
    return {"code": "damaged", "verb": VERIFY, "entries": (), "found": frozenset(things)}


def passed(*things: str, verb: str = VERIFY) -> dict[str, Any]:
    return {"verb": verb, "run": B, "entries": (), "sound": frozenset(things)}


def test_verify_that_did_not_look_at_what_was_found_closes_nothing() -> None:
    failure = attempt(1, **found("packs/a", "packs/b"))

    assert codes(failure, attempt(2, **passed()), attempt(3, **passed("packs/a"))) == ["damaged"]
    assert codes(failure, attempt(2, **passed("packs/a")), attempt(3, **passed("packs/b"))) == []


def test_what_was_found_sound_before_the_failure_ended_closes_nothing() -> None:
    early = attempt(1, **passed("packs/a"), order=90)

    assert codes(early, attempt(2, **found("packs/a")), attempt(3, **passed())) == ["damaged"]


def test_damage_that_a_drill_found_sound_leaves_a_failed_verify_to_a_verify() -> None:
    failure = attempt(1, **found("packs/a"))
    drilled = attempt(2, **passed("packs/a", verb=DRILL))

    assert codes(failure, drilled) == ["damaged"]
    assert codes(failure, drilled, attempt(3, **passed())) == []


def test_restore_is_open_for_what_it_found_alone() -> None:
    failure = attempt(1, **found("packs/a") | {"verb": RESTORE})

    assert codes(failure, attempt(2, **passed())) == ["damaged"]
    assert codes(failure, attempt(2, **passed("packs/a"))) == []


# --- with a repository


def test_what_an_attempt_about_another_entry_found_sound_is_sound() -> None:
    failure, later = attempt(1, **found("packs/p")), attempt(3, **passed())
    other = attempt(2, **passed("packs/p", verb=DRILL) | {"entries": ("second",)})

    assert [each.code for each in open_failures([failure, later], None, [failure, later])] == ["damaged"]
    assert open_failures([failure, later], None, [failure, other, later]) == []


@pytest.fixture
def host(scratch: Path) -> Host:
    return planted_host(scratch)


def judged(host: Host, *, now_ns: int | None = None, allowed: int = HOUR) -> Any:
    known = [KnownEntry("place", host.entry, allowed)]
    now = now_ns or host.ground.now()
    with History(host.state_root, host.ground.now) as history:
        newest = {"place": newest_complete(host.ground.connect(), [host.entry], now)}
        return judge(host.state_root, history, known, newest, now).entries[0]


def failed(host: Host, run: bytes, began: int) -> None:
    """The history of a run that died at `began`."""
    with History(host.state_root, lambda: began) as history:
        recording = history.recording(BACKUP, "place", [host.entry], run.hex())
        recording.__enter__()
        history._database.change("UPDATE attempts SET ended=?, code='store'", (began,))


def test_entry_that_was_never_backed_up_is_overdue(host: Host) -> None:
    entry = judged(host)

    assert (entry.verified_at, entry.age_seconds, entry.overdue, entry.codes) == (None, None, True, ["overdue"])


def test_age_is_that_of_the_sources_instant_as_the_repository_tells_it(host: Host) -> None:
    receipt = host.run()
    (snapshot,) = host.ground.snapshots()
    instant = snapshot.facts.source_at

    in_time = judged(host, now_ns=instant + HOUR_NS)
    late = judged(host, now_ns=instant + HOUR_NS + 10**9)

    assert (in_time.snapshot, in_time.age_seconds, in_time.codes) == (receipt.snapshot, HOUR, [])
    assert (late.age_seconds, late.codes) == (HOUR + 1, ["overdue"])


def test_zombies_late_commit_of_an_older_instant_hides_nothing(host: Host) -> None:
    with host.backup() as zombie:
        seal_and_send(zombie)
        failed(host, os.urandom(16), host.ground.now())

        woken = zombie.commit()

    entry = judged(host)
    assert entry.snapshot == woken.snapshot
    assert entry.codes == ["store"]
    plant(host.source, {"later": content(1, 100)})
    host.run()
    assert judged(host).codes == []


def test_zombies_older_instant_does_not_pass_for_the_newest(host: Host) -> None:
    with host.backup() as zombie:
        seal_and_send(zombie)
        newer = host.run()
        zombie.commit()

    assert judged(host).snapshot == newer.snapshot


def test_snapshot_of_another_entry_hides_nothing(host: Host) -> None:
    failed(host, os.urandom(16), host.ground.now())
    Host(host.ground, host.name, entry="another").run()

    assert judged(host).codes == ["overdue", "store"]


def test_incomplete_snapshot_does_not_refresh_the_age(host: Host) -> None:
    plant(host.source, {"moving": content(1, 5000)})  # small files are not opened one by one
    host.partial_run(source=RefusingSource(host.source, label="refusing"))

    assert judged(host).codes == ["overdue"]


def test_snapshot_from_the_future_says_nothing(host: Host) -> None:
    host.run()
    (snapshot,) = host.ground.snapshots()

    assert judged(host, now_ns=snapshot.facts.source_at - 48 * HOUR_NS).codes == ["overdue"]


def test_snapshot_that_the_repository_lost_is_not_counted_on(host: Host) -> None:
    receipt = host.run()
    with History(host.state_root, host.ground.now) as history:
        with history.recording(BACKUP, "place", [host.entry], receipt.snapshot[:32]) as recording:
            recording.source_at = receipt.source_at
        (name,) = host.ground.names("snapshots/")
        host.ground.store.delete(name)
        known = [KnownEntry("place", host.entry, HOUR)]
        now = host.ground.now()

        asked = judge(host.state_root, history, known, {"place": {}}, now).entries[0]
        silent = judge(host.state_root, history, known, {}, now).entries[0]

    assert (asked.verified_at, asked.codes) == (None, ["overdue"])
    assert (silent.verified_at, silent.codes) == (receipt.source_at, [])
