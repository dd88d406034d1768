"""What a drill found damaged is told by what has to be looked at again, and so is what it found sound."""

from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from proofkeep.damage import unread
from proofkeep.drill import DrillReport, Plan
from proofkeep.drill.population import Population
from proofkeep.errors import CancelledError, DrillFailedError, StoreUnavailableError
from proofkeep.keys.host_secret import FileHostSecret
from proofkeep.ledger import follow_chain
from proofkeep.repository import Repository
from proofkeep.repository.connect import connect
from proofkeep.snapshots import list_snapshots
from proofkeep.stores.local import LocalStore
from tests.decorating import Around, WatchedStore
from tests.engine.drill.house import House, flip_byte

EVERYTHING = 100


def drilled(house: House, drill: str, *, per_stratum: int = 1, known: list[str] | None = None) -> DrillReport:
    """How it ended, also where it failed."""
    reports: list[DrillReport] = []
    try:
        house.drill(Plan(drill, per_stratum=per_stratum), known=known or [], on_report=reports.append)
    except DrillFailedError:
        assert not reports[0].passed
    return reports[0]


def largest(house: House) -> Path:
    return max(house.packs(), key=lambda file: file.stat().st_size)


def name(house: House, pack: Path) -> str:
    return str(pack.relative_to(house.root / "packs"))


def through(house: House, around: Around) -> Repository:
    store = WatchedStore(LocalStore(house.root / "packs"), around)
    return connect(store, LocalStore(house.root / "ledger"), FileHostSecret(house.root / "host.secret"))


def flipping(bad: str) -> Around:
    """Frames of a pack come with a flipped bit, the whole pack as it is."""

    def around(operation: str, object_name: str, call: Callable[[], Any]) -> Any:
        given = call()
        return bytes([given[0] ^ 1]) + given[1:] if operation == "get" and object_name == bad else given

    return around


def test_drill_reads_what_is_known_to_be_damaged_whatever_it_draws(stored: House) -> None:
    pack = largest(stored)
    place = pack.stat().st_size * 3 // 4
    flip_byte(pack, place)
    first = drilled(stored, "first", per_stratum=EVERYTHING)
    assert name(stored, pack) in first.damaged

    second = drilled(stored, "second", known=first.damaged)

    assert ("integrity", name(stored, pack)) in {(each.code, each.subject) for each in second.findings}
    flip_byte(pack, place)
    third = drilled(stored, "third", known=second.damaged)
    assert third.passed
    assert sorted(third.sound) == sorted(second.damaged)


def test_sound_drill_of_other_files_says_nothing_of_files_that_did_not_open(stored: House) -> None:
    sound = stored.repository
    stored.repository = through(stored, flipping(name(stored, largest(stored))))
    first = drilled(stored, "first", per_stratum=EVERYTHING)
    stored.repository = sound

    some, all_of_them = (
        drilled(stored, f"{number}-drawn", per_stratum=number, known=first.damaged) for number in (1, EVERYTHING)
    )

    assert first.damaged
    assert all(thing.startswith("file ") and " in snapshot " in thing for thing in first.damaged)
    assert some.passed
    assert set(some.sound) < set(first.damaged)
    assert sorted(all_of_them.sound) == sorted(first.damaged)


def test_files_lost_for_want_of_a_key_are_no_damage(stored: House) -> None:
    stored.providers = []

    assert drilled(stored, "first").damaged == []


@pytest.mark.parametrize("part", ["header", "middle"])
def test_pack_that_is_gone_or_altered_is_told_by_its_name_once(stored: House, part: str) -> None:
    pack = largest(stored)
    flip_byte(pack, 10 if part == "header" else pack.stat().st_size // 2)

    damaged = drilled(stored, "first", per_stratum=EVERYTHING).damaged

    assert damaged.count(name(stored, pack)) == 1
    assert not any(thing.startswith("file ") for thing in damaged)


def test_drill_whose_verify_is_cancelled_tells_what_it_had_found(stored: House) -> None:
    pack = largest(stored)
    pack.unlink()
    found: list[str] = []

    with pytest.raises(CancelledError):
        stored.drill(Plan("first"), on_found=found.extend, cancelled=lambda: bool(found))

    assert set(found) == {name(stored, pack)}


def snapshot_of(house: House) -> str:
    (snapshot,) = list_snapshots(house.repository)[0]
    return snapshot.id.short


def test_drill_that_is_cancelled_while_it_draws_tells_what_had_not_opened(stored: House) -> None:
    manifest = min(stored.packs(), key=lambda file: file.stat().st_size)
    stored.repository = through(stored, flipping(name(stored, manifest)))
    found: list[str] = []
    walk = Population.walk

    def cut(*how: Any) -> None:
        walk(*how)
        raise CancelledError("drill was cancelled")

    with pytest.raises(CancelledError), patch.object(Population, "walk", cut):
        stored.drill(Plan("first"), on_found=found.extend)

    assert found == [unread(name(stored, manifest), snapshot_of(stored))]


def test_drill_whose_store_goes_away_while_it_restores_tells_what_had_not_opened(stored: House) -> None:
    bad = name(stored, largest(stored))
    stored.repository = through(stored, flipping(bad))
    found: list[str] = []

    gone = patch("proofkeep.restore.run.damage_met", side_effect=StoreUnavailableError("store cannot be reached"))
    with gone, pytest.raises(DrillFailedError):
        stored.drill(Plan("first", per_stratum=EVERYTHING), on_found=found.extend)

    assert found == [unread(bad, snapshot_of(stored))]


def test_drill_that_comes_to_its_end_tells_files_and_not_what_else_did_not_open(stored: House) -> None:
    stored.repository = through(stored, flipping(name(stored, largest(stored))))
    found: list[str] = []

    with pytest.raises(DrillFailedError):
        stored.drill(Plan("first", per_stratum=EVERYTHING), on_found=found.extend)

    assert found == []


def test_drill_under_an_altered_data_key_names_the_key_and_a_verify_sees_it_mended(stored: House) -> None:
    (key,) = (path for path in (stored.root / "packs/keys").rglob("*") if path.is_file())
    flip_byte(key, key.stat().st_size - 1)
    first = drilled(stored, "first", per_stratum=EVERYTHING)
    assert first.damaged == [name(stored, key)]

    flip_byte(key, key.stat().st_size - 1)

    assert drilled(stored, "second", known=first.damaged).sound == first.damaged


def test_ledger_is_followed_once_for_a_data_key_that_several_snapshots_need(stored: House) -> None:
    (key,) = (path for path in (stored.root / "packs/keys").rglob("*") if path.is_file())
    for number in range(2):
        (stored.source / f"new-{number}").write_bytes(bytes([number]) * 3000)
        stored.backup()
    flip_byte(key, key.stat().st_size - 1)

    followed = patch("proofkeep.snapshots.damaged.follow_chain", wraps=follow_chain)
    with followed as calls, stored.steps(Plan("first", every_snapshot=True)) as drill:
        drawn = drill.draw()

    assert (len(drawn.snapshots), set(drawn.damaged)) == (3, {name(stored, key)})
    assert calls.call_count == 1
