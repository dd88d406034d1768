from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from proofkeep.drill import Attacked, Plan
from proofkeep.drill.attacks import ATTACKS, Attack, Copy
from proofkeep.drill.run import Drill
from proofkeep.errors import CancelledError, ProofkeepError
from tests.engine.drill.house import House, build, flip_byte, write_tree

PLAN = Plan("attacks", per_stratum=50)


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Copy]:
    """What the attacks get: taken by one that does nothing else."""
    taken: list[Copy] = []
    with build(tmp_path_factory.mktemp("attacks")) as house:
        write_tree(house.source)
        house.backup()
        with drill_with(house, [Attack("take", "takes the copy", (), taken.append)]) as drill:
            drill.attack(drill.draw())
        yield taken[0]


def drill_with(house: House, attacks: list[Attack]) -> Drill:
    return Drill(house.repository, house.drill_state, house.providers, PLAN, house.places(), attacks=attacks)


@pytest.mark.parametrize("attack", ATTACKS, ids=[attack.name for attack in ATTACKS])
def test_attack_is_refused(copy: Copy, attack: Attack) -> None:
    with pytest.raises(ProofkeepError) as refusal:
        attack.run(copy)

    assert refusal.value.code in attack.expected


@pytest.mark.parametrize("seed", range(40))
def test_bits_and_lengths_are_refused_wherever_the_seed_says(copy: Copy, seed: int) -> None:
    elsewhere = replace(copy, seed=f"{seed:064x}")

    for attack in ATTACKS:
        if attack.name.startswith(("flipped", "truncated", "tampered")):
            with pytest.raises(ProofkeepError) as refusal:
                attack.run(elsewhere)
            assert refusal.value.code in attack.expected


def test_attacks_cover_what_a_drill_must_show() -> None:
    names = {attack.name for attack in ATTACKS}

    assert names >= {"flipped-bit-frame", "wrong-key", "wrong-context-repository", "truncated", "foreign-header"}


def test_store_is_untouched(stored: House) -> None:
    before = {pack: pack.read_bytes() for pack in stored.packs()}

    stored.drill(PLAN)

    assert {pack: pack.read_bytes() for pack in stored.packs()} == before


def test_damaged_original_is_no_ground_for_refusals(stored: House) -> None:
    with drill_with(stored, list(ATTACKS)) as drill:
        draw = drill.draw()
        flip_byte(stored.root / "packs" / draw.pack, 300)
        attacked = drill.attack(draw)

    assert isinstance(attacked, Attacked)
    assert attacked.refusals == []
    assert {finding.code for finding in attacked.damage} == {"ledger-mismatch", "authentication"}


def test_tree_without_content_has_nothing_to_attack(house: House) -> None:
    for path in sorted(house.source.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    (house.source / "empty").touch()
    house.backup()

    report = house.drill(PLAN)

    assert report.passed
    assert report.objectives["refusals"] == "not-tested"
    assert report.objectives["information-integrity"] == "satisfied"


def test_attacks_end_when_cancelled(stored: House) -> None:
    with drill_with(stored, list(ATTACKS)) as drill:
        draw = drill.draw()
        drill._cancelled = lambda: True
        with pytest.raises(CancelledError):
            drill.attack(draw)


def test_same_pack_is_attacked_by_the_same_seed(stored: House, tmp_path: Path) -> None:
    with drill_with(stored, list(ATTACKS)) as drill:
        first, second = drill.draw(), drill.draw()

    assert first.pack == second.pack
    assert (tmp_path / "packs" / first.pack).is_file()
