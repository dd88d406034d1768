import pytest

from flows.backup import backup
from flows.options import BackupOptions
from flows.verify import verify
from proofkeep.errors import PartialSnapshotError
from proofkeep.snapshots import list_snapshots
from tests.flows.house import House
from tests.flows.leases import closed_to_everybody
from tests.flows.running import artifacts, message, run_here, run_here_again


@pytest.fixture
def partial_house(house: House) -> House:
    house.fill(2)
    (house.source / "payslip").write_bytes(b"unread at first")
    return house


def test_unread_file_ends_the_run_as_partial_and_is_named_by_its_keyed_id(partial_house: House) -> None:
    with closed_to_everybody(partial_house.source / "payslip"):
        run = run_here(backup, partial_house.parameters())

    assert run.state is not None
    assert (run.state.type.value, run.state.name) == ("FAILED", "Partial")
    assert message(run).startswith(
        f"snapshot {run.id.hex}.0001 is incomplete, unread files: 1 [partial-snapshot]. {PartialSnapshotError.hint}"
    )
    keyed = partial_house.configuration.connect().keys.ids.path_id(b"payslip").hex()
    card = artifacts(run.id)["markdown"]
    assert f"| `{keyed}` | source-unavailable |" in card
    assert "payslip" not in card


def test_retry_of_a_partial_run_reads_again_and_commits_the_next_generation(partial_house: House) -> None:
    with closed_to_everybody(partial_house.source / "payslip"):
        run = run_here(backup, partial_house.parameters())

    run = run_here_again(backup, run)

    assert run.state_name == "Completed", message(run)
    snapshots = list_snapshots(partial_house.configuration.connect())[0]
    assert [(found.id.run, found.id.generation, found.facts.complete) for found in snapshots] == [
        (run.id.bytes, 1, False),
        (run.id.bytes, 2, True),
    ]
    assert run_here(verify, {"repository": partial_house.name, "read": 1.0}).state_name == "Completed"


def test_caller_of_a_partial_backup_gets_our_error(partial_house: House) -> None:
    parameters = partial_house.parameters()

    with (
        closed_to_everybody(partial_house.source / "payslip"),
        pytest.raises(PartialSnapshotError, match="unread files: 1"),
    ):
        backup(**(parameters | {"options": BackupOptions(**parameters["options"])}))
