from pathlib import Path

import pytest

from flows.backup import backup
from flows.restore import restore
from flows.verify import verify
from proofkeep.state import RepositoryState
from tests.flows.house import House
from tests.flows.running import artifacts, message, run_here


@pytest.fixture
def full_house(house: House) -> House:
    """A house with a snapshot of three files in two folders."""
    house.fill(1)
    (house.source / "folder").mkdir()
    (house.source / "folder" / "wanted").write_bytes(b"wanted")
    (house.source / "folder" / "other").write_bytes(b"other")
    assert run_here(backup, house.parameters()).state_name == "Completed"
    return house


def a_pack(house: House) -> Path:
    return next(file for file in sorted((house.root / "store" / "packs").rglob("*")) if file.is_file())


def test_verify_of_a_sound_repository_tells_its_verdict(full_house: House) -> None:
    run = run_here(verify, {"repository": full_house.name, "read": 1.0})

    assert (run.state_name, message(run)) == ("Completed", "intact")
    card = artifacts(run.id)["markdown"]
    assert "| verdict | **intact** |" in card
    assert "| not tested | frames were not opened" in card


def test_verify_on_a_host_without_memory_says_that_freshness_is_not_provable(full_house: House) -> None:
    RepositoryState(full_house.state, full_house.configuration.connect().id).heads_file.unlink()

    run = run_here(verify, {"repository": full_house.name})

    assert (run.state_name, message(run)) == ("Completed", "intact, freshness not provable")


def test_verify_against_a_head_that_is_not_in_the_ledger_fails(full_house: House) -> None:
    writer = RepositoryState(full_house.state, full_house.configuration.connect().id).writer().hex()

    run = run_here(verify, {"repository": full_house.name, "expect_heads": [f"{writer}:9:{'0' * 64}"]})

    assert run.state_name == "Failed"
    assert "| rollback |" in artifacts(run.id)["markdown"]


def test_missing_pack_fails_verify_and_is_named(full_house: House) -> None:
    pack = a_pack(full_house)
    name = str(pack.relative_to(full_house.root / "store"))
    pack.unlink()

    run = run_here(verify, {"repository": full_house.name})

    assert run.state_name == "Failed"
    assert "DamagedError" in message(run)
    assert f"| `{name}` | object-missing |" in artifacts(run.id)["markdown"]


def test_restored_tree_is_the_sources(full_house: House) -> None:
    target = full_house.root / "restored"

    run = run_here(restore, {"repository": full_house.name, "keys": full_house.name, "target": str(target)})

    assert run.state_name == "Completed", message(run)
    assert full_house.is_restored(target)


def test_file_is_restored_by_its_keyed_id_alone(full_house: House) -> None:
    target = full_house.root / "restored"
    identity = full_house.configuration.connect().keys.ids.path_id(b"folder/wanted").hex()

    run = run_here(
        restore,
        {"repository": full_house.name, "keys": full_house.name, "target": str(target), "file_ids": [identity]},
    )

    assert run.state_name == "Completed", message(run)
    assert [str(path.relative_to(target)) for path in target.rglob("*") if path.is_file()] == ["folder/wanted"]


def test_damage_fails_a_restore_that_restores_the_rest(full_house: House) -> None:
    target = full_house.root / "restored"
    packs = sorted((full_house.root / "store" / "packs").rglob("*"), key=lambda path: path.stat().st_size)
    packs[-1].unlink()

    run = run_here(restore, {"repository": full_house.name, "keys": full_house.name, "target": str(target)})

    assert run.state_name == "Failed"
    assert "DamagedError" in message(run)
    assert "## Findings" in artifacts(run.id)["markdown"]
