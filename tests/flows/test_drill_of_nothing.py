"""A drill that restored nothing: what its card and the status say, and that it makes nothing good."""

from pathlib import Path

from flows.backup import backup
from flows.drill import restore_drill
from flows.status import status
from tests.flows.house import ENTRY, House
from tests.flows.running import artifacts, message, run_here
from tests.flows.test_drill import parameters
from tests.settling import let_settle


def ended(house: House) -> tuple[str, str]:
    """State and card of a status."""
    run = run_here(status, {"repository": house.name})
    return str(run.state_name), artifacts(run.id)["markdown"]


def test_limit_that_leaves_out_every_file_fails_the_drill_and_closes_no_failed_one(house: House, memory: Path) -> None:
    house.fill(1)
    let_settle(house.source)
    assert run_here(backup, house.parameters()).state_name == "Completed"
    assert run_here(restore_drill, parameters(house, memory, keys=None, entries=[ENTRY])).state_name == "Failed"

    options = {"tmpfs": str(memory), "largest": 1}
    run = run_here(restore_drill, parameters(house, memory, entries=[ENTRY], options=options))

    assert run.state_name == "Failed"
    assert "could be drawn: 1 file larger than `largest`, 1 bytes" in message(run)
    card = artifacts(run.id)["markdown"]
    assert "(`usage`" in card
    assert "start a new run with parameters that fit" in card
    state, text = ended(house)
    assert (state, "**key-denied**" in text, "**usage**" in text) == ("Attention", True, True)
    assert run_here(restore_drill, parameters(house, memory, entries=[ENTRY])).state_name == "Completed"
    assert ended(house)[0] == "Completed"


def test_entry_without_a_regular_file_is_said_to_have_nothing_to_restore_and_closes_no_failed_drill(
    house: House, memory: Path
) -> None:
    (house.source / "folder").mkdir()
    (house.source / "link").symlink_to("folder")
    let_settle(house.source)
    assert run_here(backup, house.parameters()).state_name == "Completed"
    assert run_here(restore_drill, parameters(house, memory, keys=None, entries=[ENTRY])).state_name == "Failed"

    run = run_here(restore_drill, parameters(house, memory, entries=[ENTRY], drill="empty"))

    assert (run.state_name, message(run)) == ("Completed", "nothing to restore")
    assert artifacts(run.id)["markdown"].startswith("# Restore drill empty: nothing to restore")
    state, text = ended(house)
    assert state == "Attention"
    assert "ago, nothing to restore | **key-denied** |" in text

    (house.source / "file").write_bytes(b"content")
    let_settle(house.source)
    assert run_here(backup, house.parameters()).state_name == "Completed"
    assert run_here(restore_drill, parameters(house, memory, entries=[ENTRY])).state_name == "Completed"
    state, text = ended(house)
    assert state == "Completed"
    assert "ago, passed | in time |" in text
