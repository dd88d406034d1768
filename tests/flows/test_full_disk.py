"""A spool whose disk runs full in mid-run: a clear failure, and with room again a Retry that does nothing twice."""

from collections.abc import Iterator
from contextlib import closing, suppress
from typing import Any

import pytest
from prefect.client.schemas.objects import FlowRun

from flows.backup import backup
from flows.status import status
from proofkeep.backup.snapshot import Walk
from proofkeep.errors import SpoolFullError, StateFullError
from proofkeep.journal import Journal, JournalPack
from proofkeep.snapshots import list_snapshots
from tests.building import small_slabs
from tests.disks import enlarge, small_disk
from tests.faults.left import assert_nothing_left
from tests.flows.aftermath import assert_nothing_was_sealed_twice
from tests.flows.gatekeeper import Gatekeeper, is_pack
from tests.flows.house import ENTRY, MIB, House
from tests.flows.running import artifacts, message, run_here, run_here_again
from tests.flows.test_recovery import assert_restored
from tests.waiting import until

ROOM = "200m"


@pytest.fixture
def cramped(s3_house: House) -> Iterator[House]:
    """A house whose state directory, with the spool in it, lies on a disk that holds a third of its source."""
    s3_house.fill(36)
    with small_disk(s3_house.state, "14m"):
        yield s3_house


def packs(house: House) -> list[JournalPack]:
    """What the journal of the only run knows."""
    (file,) = house.state.glob("*/runs/*/journal.sqlite")
    with closing(Journal(file)) as journal:
        return list(journal.packs())


def sealed(house: House) -> dict[str, bytes]:
    """SHA-256 of the run's packs by their names."""
    return {pack.id.name: pack.sha256 for pack in packs(house)}


def snapshots(house: House) -> list[bytes]:
    return [snapshot.id.run for snapshot in list_snapshots(house.configuration.connect())[0]]


def fails_clearly(house: House) -> FlowRun:
    """The run that met the full disk, once looked at: its state, its card, the status beside it."""
    run = run_here(backup, house.parameters())
    card = artifacts(run.id)["markdown"]
    watched = run_here(status, {"repository": house.name, "entries": [{"entry": ENTRY, "source": house.name}]})
    error = StateFullError if f"[{StateFullError.code}]" in message(run) else SpoolFullError
    assert (run.state_name, run.state.type.value if run.state else "") == ("Failed", "FAILED")
    assert f" [{error.code}]. {error.hint}" in message(run)
    assert f"**{error.cause}** (`{error.code}`" in card
    assert "nothing is lost: " in card
    assert watched.state_name == "Attention", message(watched)
    assert snapshots(house) == []
    return run


def assert_committed(house: House, run: FlowRun, before: dict[str, bytes], gate: Gatekeeper) -> None:
    """Its retry committed, sealed nothing again, left no orphan, and restores bit for bit."""
    again = run_here_again(backup, run)
    assert again.state_name == "Completed", message(again)
    assert before
    assert before.items() <= sealed(house).items()
    assert_nothing_was_sealed_twice(house, run)
    assert_nothing_left(house.state)
    assert {path.partition("/packs/")[2] for path in gate.packs} == {name[len("packs/") :] for name in sealed(house)}
    assert snapshots(house) == [run.id.bytes]
    assert_restored(house)


def test_retry_with_room_on_the_disk_seals_and_sends_nothing_twice(
    cramped: House, gate: Gatekeeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, files = Walk._read_once, iter(range(100))

    def after_three_arrived(*given: Any) -> Any:
        if next(files) == 10:
            until(lambda: sum(pack.sent is not None for pack in packs(cramped)) == 3, "three packs arrived")
        return read(*given)

    monkeypatch.setattr(Walk, "_read_once", after_three_arrived)
    gate.refused = frozenset(range(4, 100))
    with small_slabs(MIB // 2):
        run = fails_clearly(cramped)
    before = sealed(cramped)
    assert len(before) > len(gate.packs) == 3
    gate.open()
    enlarge(cramped.state, ROOM)

    assert_committed(cramped, run, before, gate)

    assert set(gate.uploads.values()) == {1}


@pytest.mark.soak
def test_disk_that_something_else_fills_while_packs_travel_loses_nothing(cramped: House, gate: Gatekeeper) -> None:
    ballast = cramped.state / "of-somebody-else"

    def fill(path: str) -> bool:
        with suppress(OSError), ballast.open("ab", buffering=0) as file:
            while is_pack(path) and file.write(bytes(4096)):
                pass
        return False

    gate.holds = fill
    run = fails_clearly(cramped)
    before, offered = sealed(cramped), set(gate.packs)
    gate.open()
    ballast.unlink()
    enlarge(cramped.state, ROOM)

    assert_committed(cramped, run, before, gate)

    # That a pack had arrived could not be noted: it is offered once more, and the store keeps what it has.
    assert {path for path, count in gate.packs.items() if count != 1} <= offered
