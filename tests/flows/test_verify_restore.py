from collections.abc import Iterator
from pathlib import Path

import pytest

from flows import verify as verifying
from flows.backup import backup
from flows.names import shortened
from flows.restore import restore
from flows.verify import verify
from proofkeep.state import RepositoryState
from tests.flows.house import House
from tests.flows.running import artifacts, message, run_here


@pytest.fixture(scope="module")
def full_house(shared_house: House) -> House:
    """Holds a snapshot of three files in two folders."""
    house = shared_house
    house.fill(1)
    (house.source / "folder").mkdir()
    (house.source / "folder" / "wanted").write_bytes(b"wanted")
    (house.source / "folder" / "other").write_bytes(b"other")
    assert run_here(backup, house.parameters()).state_name == "Completed"
    return house


@pytest.fixture
def missing_pack(full_house: House) -> Iterator[str]:
    """The name of the largest pack, which is gone for as long as the test lasts."""
    store = full_house.root / "store"
    packs = [file for file in (store / "packs").rglob("*") if file.is_file()]
    pack = max(packs, key=lambda file: file.stat().st_size)
    aside = pack.rename(full_house.root / "aside")
    yield str(pack.relative_to(store))
    aside.rename(pack)


def test_verify_of_a_sound_repository_tells_its_verdict(full_house: House) -> None:
    run = run_here(verify, {"repository": full_house.name, "read": 1.0})

    assert (run.state_name, message(run)) == ("Completed", "intact")
    card = artifacts(run.id)["markdown"]
    assert "| verdict | **intact** |" in card
    assert "| not tested | frames were not opened" in card


def test_error_that_nobody_expected_has_a_card_too_and_keeps_its_words_to_itself(
    full_house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise OSError(5, "the words", "the name")

    monkeypatch.setattr(verifying, "Verification", broken)

    run = run_here(verify, {"repository": full_house.name})

    card = artifacts(run.id)["markdown"]
    assert "step verify met an unexpected OSError in tests.flows.test_verify_restore" in card
    assert "the words" not in card + message(run)
    assert "the name" not in card + message(run)


def test_verify_against_a_head_that_is_not_in_the_ledger_fails(full_house: House) -> None:
    writer = RepositoryState(full_house.state, full_house.configuration.connect().id).writer().hex()

    run = run_here(verify, {"repository": full_house.name, "expect_heads": [f"{writer}:9:{'0' * 64}"]})

    assert run.state_name == "Failed"
    assert "| rollback |" in artifacts(run.id)["markdown"]


def test_missing_pack_fails_verify_and_is_named(full_house: House, missing_pack: str) -> None:
    run = run_here(verify, {"repository": full_house.name})

    assert run.state_name == "Failed"
    assert "DamagedError" in message(run)
    card = artifacts(run.id)["markdown"]
    assert f"| `{shortened(missing_pack)}` | object-missing |" in card
    assert f"\n{missing_pack}\n" in card


def test_restored_tree_is_the_sources(full_house: House, tmp_path: Path) -> None:
    target = tmp_path / "restored"

    run = run_here(restore, {"repository": full_house.name, "keys": full_house.name, "target": str(target)})

    assert run.state_name == "Completed", message(run)
    assert full_house.is_restored(target)


def test_file_is_restored_by_its_keyed_id_alone(full_house: House, tmp_path: Path) -> None:
    target = tmp_path / "restored"
    identity = full_house.configuration.connect().keys.ids.path_id(b"folder/wanted").hex()

    run = run_here(
        restore,
        {"repository": full_house.name, "keys": full_house.name, "target": str(target), "file_ids": [identity]},
    )

    assert run.state_name == "Completed", message(run)
    assert [str(path.relative_to(target)) for path in target.rglob("*") if path.is_file()] == ["folder/wanted"]


def test_ids_that_are_of_nothing_in_the_snapshot_fail_the_restore_and_are_told_one_by_one(
    full_house: House, tmp_path: Path
) -> None:
    target = tmp_path / "restored"
    identity = full_house.configuration.connect().keys.ids.path_id(b"folder/wanted").hex()
    astray = ["ab" * 16, "cd" * 16]

    run = run_here(
        restore,
        {
            "repository": full_house.name,
            "keys": full_house.name,
            "target": str(target),
            "file_ids": [astray[0], identity, astray[1]],
        },
    )

    assert run.state_name == "Failed"
    assert f"holds nothing with 2 file ids: {', '.join(astray)} [usage]" in message(run)
    card = artifacts(run.id)["markdown"]
    assert "| result | **ids without a file, the rest is restored** |" in card
    for each in astray:
        assert f"| `{shortened(each)}` | usage | nothing listed in this snapshot has this id |" in card
    assert "with the id of a snapshot that holds their files" in card
    assert [str(path.relative_to(target)) for path in target.rglob("*") if path.is_file()] == ["folder/wanted"]


def test_latest_of_an_entry_without_a_snapshot_says_of_which_entry(full_house: House, tmp_path: Path) -> None:
    asked = {"repository": full_house.name, "keys": full_house.name, "target": str(tmp_path / "restored")}

    run = run_here(restore, asked | {"entry": "mail"})

    assert run.state_name == "Failed"
    assert "no snapshot of entry 'mail' is committed in this repository" in message(run)


@pytest.mark.usefixtures("missing_pack")
def test_damage_fails_a_restore_that_restores_the_rest(full_house: House, tmp_path: Path) -> None:
    target = tmp_path / "restored"

    run = run_here(restore, {"repository": full_house.name, "keys": full_house.name, "target": str(target)})

    assert run.state_name == "Failed"
    assert "DamagedError" in message(run)
    assert "## Findings" in artifacts(run.id)["markdown"]
    assert (target / "folder").is_dir()


@pytest.mark.parametrize("sync, said", [(True, "yes"), (False, "not waited for")])
def test_restore_says_whether_the_disk_has_what_was_restored(
    full_house: House, tmp_path: Path, *, sync: bool, said: str
) -> None:
    restoring = {"repository": full_house.name, "keys": full_house.name, "target": str(tmp_path / "restored")}

    run = run_here(restore, restoring | {"sync": sync})

    assert run.state_name == "Completed"
    assert f"| on disk | {said} |" in artifacts(run.id)["markdown"]
