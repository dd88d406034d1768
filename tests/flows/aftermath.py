"""What a run that something befell has sealed, sent and committed."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager

from prefect.client.schemas.objects import FlowRun

from flows.restore import restore
from proofkeep.journal import Journal
from proofkeep.repository.local_rows import open_table
from proofkeep.snapshots import list_snapshots
from tests.faults.left import assert_nothing_left
from tests.flows.conftest import PrefectSide
from tests.flows.gatekeeper import Gatekeeper
from tests.flows.house import House
from tests.flows.running import deployment_run, ended, message, outcomes, run_here, task_runs
from tests.waiting import until


def run_with_two_packs_sent(
    house: House,
    gate: Gatekeeper,
    prefect: PrefectSide,
    *,
    sealed: Callable[[FlowRun], bool],
    environment: Mapping[str, str] = {},
) -> FlowRun:
    """A run whose other packs are held on their way, once it has sealed what it should."""
    gate.holds = lambda path: gate.numbers.get(path, 0) > 2
    run = deployment_run(house.parameters(), environment=environment)
    until(lambda: sealed(run), "enough is sealed")
    until(lambda: len(prefect.told(run, "pack-sent")) == 2, "two packs have arrived")
    return run


def visible(house: House) -> list[bytes]:
    """Runs whose snapshots a reader sees."""
    return [snapshot.id.run for snapshot in list_snapshots(house.configuration.connect())[0]]


@contextmanager
def journal(house: House, run: FlowRun) -> Iterator[Journal]:
    """The run's journal, which its process has left."""
    folder = house.configuration.open_state(house.configuration.connect()).run(run.id.bytes)
    with closing(Journal(folder / "journal.sqlite")) as opened:
        yield opened


def assert_restored(house: House) -> None:
    target = house.root / "restored"
    restored = run_here(restore, {"repository": house.name, "keys": house.name, "target": str(target)})
    assert restored.state_name == "Completed", message(restored)
    assert house.is_restored(target)


def committed(house: House, run: FlowRun, *, stages: int = 0) -> Counter[tuple[str, str]]:
    """How the task runs of a retry ended, whose snapshot is the only one and restores bit for bit.

    Args:
        stages: how many streaming stages it runs.
    """
    run = ended(run.id, attempt=2)
    assert run.state_name == "Completed", message(run)
    assert visible(house) == [run.id.bytes]
    assert_nothing_left(house.state)
    assert_restored(house)
    with journal(house, run) as durable:
        transfers = len(durable.transfers())
    return outcomes(task_runs(run, 2, stages + 2 * transfers + 1))


def assert_nothing_was_sealed_twice(house: House, run: FlowRun) -> None:
    """Whatever the names of the packs that it lies in."""
    repository = house.configuration.connect()
    with journal(house, run) as durable:
        tables = [open_table(repository, durable.sealed_table(pack.number), pack.id.name) for pack in durable.packs()]
    chunks = [chunk.id for table in tables for chunk in table.chunks]
    assert len(chunks) == len(set(chunks)) > 0


def assert_nothing_was_sealed_or_sent_twice(house: House, run: FlowRun, gate: Gatekeeper, prefect: PrefectSide) -> None:
    assert_nothing_was_sealed_twice(house, run)
    packs = Counter(event["pack"] for event in prefect.told(run, "pack-sealed"))
    assert set(packs.values()) == {1}
    assert {path.partition("/packs/")[2] for path in gate.packs} == {pack.partition("packs/")[2] for pack in packs}
    assert {path: count for path, count in gate.uploads.items() if count != 1} == {}
