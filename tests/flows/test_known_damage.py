"""What the cards say of damage, and when the status lets go of it."""

from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from flows.backup import backup
from flows.restore import restore
from flows.status import status
from flows.verify import verify
from proofkeep.errors import StoreDeniedError
from proofkeep.status import RECORDS_DAMAGED
from tests.flows.house import ENTRY, House
from tests.flows.running import artifacts, message, run_here, verdict


@pytest.fixture
def backed_up(house: House) -> House:
    house.fill(1)
    assert run_here(backup, house.parameters()).state_name == "Completed"
    return house


@pytest.fixture
def altered_pack(backed_up: House) -> Path:
    """The largest pack, altered at its own size; the test may put its bytes back from `kept` beside the store."""
    packs = [file for file in (backed_up.root / "store" / "packs").rglob("*") if file.is_file()]
    pack = max(packs, key=lambda file: file.stat().st_size)
    content = pack.read_bytes()
    (backed_up.root / "kept").write_bytes(content)
    pack.chmod(0o600)
    middle = len(content) // 2
    pack.write_bytes(content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :])
    return pack


def ended(house: House) -> tuple[str, str]:
    """State and message of a status."""
    run = run_here(status, {"repository": house.name})
    return str(run.state_name), message(run)


def test_card_of_an_altered_pack_says_whose_backup_sends_it_again_and_what_closes_the_failure(
    backed_up: House, altered_pack: Path
) -> None:
    listing = {"repository": backed_up.name, "read": 0.0}
    run = run_here(verify, listing | {"read": 1.0})

    card = artifacts(run.id)["markdown"]
    assert "verify has 2 findings, the first: integrity" in message(run)
    assert f"**Then:** what the findings name is of its size, with other bytes. Run a backup of `{ENTRY}`:" in card
    assert f"| pack-missing | 1 of its packs, entry {ENTRY}, are missing or damaged |" in card
    assert f"/{altered_pack.name}` | integrity |" in card

    assert "the first: integrity" in message(run_here(verify, listing))
    assert run_here(backup, backed_up.parameters()).state_name == "Completed"
    state, verdict = ended(backed_up)
    assert (state, "home: damaged" in verdict) == ("Attention", True)
    altered_pack.write_bytes((backed_up.root / "kept").read_bytes())
    assert run_here(verify, listing).state_name == "Completed"
    assert ended(backed_up)[0] == "Completed"


def test_card_of_a_data_key_without_a_sound_form_says_whose_backup_seals_again_what_lay_under_it(
    backed_up: House, tmp_path: Path
) -> None:
    listing = {"repository": backed_up.name, "read": 0.0}
    for form in [file for file in (backed_up.root / "store" / "keys").rglob("*") if file.is_file()]:
        form.chmod(0o600)
        form.write_bytes(b"")
    run = run_here(verify, listing)

    card = artifacts(run.id)["markdown"]
    assert f"Run a backup of `{ENTRY}`: on this host it relies on nothing under data keys of which no sound" in card
    assert "none of these packs" not in card
    assert "it ends `pack-missing` once" in card
    assert "Put them back in place of what lies there" in card
    assert run_here(backup, backed_up.parameters()).state_name == "Completed"
    wanted = {"repository": backed_up.name, "keys": backed_up.name, "target": str(tmp_path / "restored")}
    assert run_here(restore, wanted).state_name == "Completed"
    assert backed_up.is_restored(tmp_path / "restored")


def test_restore_that_found_damage_is_open_until_the_next_verify_read_sound_bytes(
    backed_up: House, altered_pack: Path, tmp_path: Path
) -> None:
    wanted = {"repository": backed_up.name, "keys": backed_up.name, "target": str(tmp_path / "restored")}
    run = run_here(restore, wanted)

    assert run.state_name == "Failed"
    assert "findings, the first: authentication" in message(run)
    assert "home: damaged" in ended(backed_up)[1]
    altered_pack.write_bytes((backed_up.root / "kept").read_bytes())
    assert run_here(verify, {"repository": backed_up.name, "read": 0.0}).state_name == "Completed"
    assert ended(backed_up)[0] == "Completed"


def denied(at: str) -> Any:
    """The store refuses what is asked there; no task tries that again."""
    return patch(at, side_effect=StoreDeniedError("store says no"))


def test_verify_that_is_cut_is_open_until_what_it_had_found_was_read_back_sound(
    backed_up: House, altered_pack: Path
) -> None:
    with denied("proofkeep.verify.run.verify_records"):
        run = run_here(verify, {"repository": backed_up.name, "read": 1.0})
    assert "store says no" in message(run)
    assert "home: store-denied" in ended(backed_up)[1]

    listing = {"repository": backed_up.name, "read": 0.0}
    assert "the first: integrity" in message(run_here(verify, listing))
    altered_pack.write_bytes((backed_up.root / "kept").read_bytes())
    assert run_here(verify, listing).state_name == "Completed"
    assert ended(backed_up)[0] == "Completed"


def test_restore_that_is_cut_is_open_until_a_verify_read_its_pack_back_sound(
    backed_up: House, altered_pack: Path, tmp_path: Path
) -> None:
    wanted = {"repository": backed_up.name, "keys": backed_up.name, "target": str(tmp_path / "cut")}
    with denied("proofkeep.restore.run.damage_met"):
        run_here(restore, wanted)
    assert "home: store-denied" in ended(backed_up)[1]

    altered_pack.write_bytes((backed_up.root / "kept").read_bytes())
    assert run_here(verify, {"repository": backed_up.name, "read": 0.0}).state_name == "Completed"
    assert ended(backed_up)[0] == "Completed"


@pytest.mark.usefixtures("altered_pack")
def test_restore_that_a_defect_cut_is_remembered_by_class_and_place_as_its_run_is(
    backed_up: House, tmp_path: Path
) -> None:
    wanted = {"repository": backed_up.name, "keys": backed_up.name, "target": str(tmp_path / "cut")}
    with patch("flows.restore.RunProgress.finish", side_effect=ValueError("name of a file")):
        run = run_here(restore, wanted)

    configuration = backed_up.configuration
    with configuration.history() as history:
        remembered = history.attempts(configuration.place)[-1].message
    assert remembered.startswith("step restore met an unexpected ValueError in ")
    assert "name of a file" not in f"{remembered} {message(run)}"


@pytest.fixture
def emptied_record(backed_up: House) -> Path:
    """The only record, emptied; the test may put its bytes back from `kept` beside the store."""
    (record,) = (file for file in (backed_up.root / "store" / "snapshots").rglob("*") if file.is_file())
    (backed_up.root / "kept").write_bytes(record.read_bytes())
    record.chmod(0o600)
    record.write_bytes(b"")
    return record


def test_record_that_is_damaged_is_told_by_the_next_status_until_it_is_put_back(
    backed_up: House, emptied_record: Path
) -> None:
    assert run_here(backup, backed_up.parameters()).state_name == "Completed"

    run = run_here(status, {"repository": backed_up.name})
    card = artifacts(run.id)["markdown"]
    emptied_record.write_bytes((backed_up.root / "kept").read_bytes())

    assert (run.state_name, verdict(run)) == ("Attention", "home: truncated")
    assert f"| home | `{emptied_record.name}` | **truncated** |" in card
    assert f"**What to do:** {RECORDS_DAMAGED}." in card
    assert ended(backed_up)[0] == "Completed"


def test_failure_that_only_a_verify_of_everything_closes_says_so_in_the_status(
    backed_up: House, emptied_record: Path, tmp_path: Path
) -> None:
    run_here(restore, {"repository": backed_up.name, "keys": backed_up.name, "target": str(tmp_path / "restored")})
    emptied_record.write_bytes((backed_up.root / "kept").read_bytes())
    assert run_here(verify, {"repository": backed_up.name, "read": 0.0}).state_name == "Completed"

    run = run_here(status, {"repository": backed_up.name})

    assert (run.state_name, verdict(run)) == ("Attention", "home: integrity")
    step = "Nothing less closes it than a `verify` with `read` 1.0 that finds nothing."
    assert f"nobody knows which is the latest\n\n  {step}" in artifacts(run.id)["markdown"]
    assert run_here(verify, {"repository": backed_up.name, "read": 1.0}).state_name == "Completed"
    assert ended(backed_up)[0] == "Completed"
