"""Repositories of one name at two services are two places; what older versions remembered counts for both."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from proofkeep.attempts import BACKUP, VERIFY, KnownEntry, current, former, respelled
from proofkeep.errors import DamagedError, ProofkeepError, StoreUnavailableError, UsageError
from proofkeep.history import History
from proofkeep.repository import Repository
from proofkeep.status import StatusReport, forget, look

OLD = "s3://cui/main"
HERE, THERE = f"{OLD} at a.example:9000", f"{OLD} at b.example:9000"
NOW = 10**18


def ended(root: Path, verb: str, place: str, error: ProofkeepError | None = None, sound: Sequence[str] = ()) -> None:
    """A verify of all, or a backup of `home`; one that failed found a pack damaged."""
    with (
        History(root, lambda: NOW) as history,
        history.recording(verb, place, ["home"] if verb == BACKUP else [], place) as recording,
    ):
        recording.failure = error
        recording.find(["packs/a"] if error else [])
        recording.sound = sound
        recording.source_at = NOW if verb == BACKUP else None


def report(root: Path, place: str, *configured: KnownEntry) -> StatusReport:
    def away() -> Repository:
        raise StoreUnavailableError("away")

    with History(root) as history:
        return look(root, history, configured, place, away, NOW)


def damage(root: Path, place: str) -> list[str]:
    with History(root) as history:
        return history.damage(place)


@pytest.mark.parametrize(
    "place, before", [(HERE, OLD), (f"{OLD} at AWS", OLD), (OLD, OLD), ("/srv/one at two", "/srv/one at two")]
)
def test_former_spelling_names_no_service(place: str, before: str) -> None:
    assert former(place) == before


def test_failure_under_the_former_spelling_is_open_in_each_place_until_that_one_passes(tmp_path: Path) -> None:
    ended(tmp_path, VERIFY, OLD, DamagedError("a pack is gone"))
    before = [report(tmp_path, place) for place in (HERE, THERE)]
    ended(tmp_path, VERIFY, HERE, sound=("packs/a",))

    assert [(each.reasons, each.other_places) for each in before] == [(["verify of all entries: damaged"], [])] * 2
    assert (report(tmp_path, HERE).reasons, damage(tmp_path, HERE)) == ([], [])
    assert report(tmp_path, THERE).reasons == ["verify of all entries: damaged"]
    assert damage(tmp_path, THERE) == ["packs/a"]


def test_success_in_one_place_closes_no_failure_of_the_other(tmp_path: Path) -> None:
    ended(tmp_path, VERIFY, THERE, DamagedError("a pack is gone"))
    ended(tmp_path, VERIFY, HERE, sound=("packs/a",))

    assert report(tmp_path, HERE).reasons == [f"verify of all entries in {THERE}: damaged"]


def test_entry_under_the_former_spelling_is_of_the_place_that_is_asked_and_keeps_its_age(tmp_path: Path) -> None:
    ended(tmp_path, BACKUP, OLD)
    with History(tmp_path) as history:
        history.know(KnownEntry(OLD, "home", 3600))

    (entry,) = report(tmp_path, HERE).entries

    assert (entry.known, entry.age_seconds) == (KnownEntry(HERE, "home", 3600), 0)
    assert [each.known.place for each in report(tmp_path, HERE, KnownEntry(HERE, "home", 60)).entries] == [HERE]


def test_entry_is_of_the_place_where_it_is_known_by_now() -> None:
    before, here, there = (KnownEntry(place, "home", 60) for place in (OLD, HERE, THERE))
    mail = KnownEntry(OLD, "mail", 60)

    assert respelled([before, there], [HERE]) == [there]
    assert respelled([before, here, there], [HERE]) == [here, there]
    assert respelled([before, mail, there], []) == [KnownEntry(THERE, "mail", 60), there]
    assert current([OLD, HERE, "/srv/packs"]) == ["/srv/packs", HERE]


def test_former_spelling_is_forgotten_with_the_entry_and_not_as_a_repository_that_is_served_no_more(
    tmp_path: Path,
) -> None:
    ended(tmp_path, BACKUP, OLD, StoreUnavailableError("away"))

    with History(tmp_path) as history:
        with pytest.raises(UsageError, match="is served by this host"):
            forget(history, HERE, repository=OLD)
        forget(history, HERE, entry="home")

    assert report(tmp_path, HERE).reasons == ["forgotten run of all entries: damaged"]
