"""Three workers with state directories of their own, one repository: what three hosts do."""

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from prefect.client.schemas.filters import (
    ArtifactFilter,
    ArtifactFilterFlowRunId,
    FlowRunFilter,
    FlowRunFilterId,
    FlowRunFilterParentFlowRunId,
)
from prefect.client.schemas.objects import FlowRun
from prefect.states import Cancelling

from blocks import Repository, load_block
from flows.deploying.applying import apply
from flows.deploying.planning import plan
from flows.fleet import fleet
from flows.host import ProcessMark
from flows.restore import restore
from flows.verify import verify
from infra.register_blocks import register_documents
from proofkeep.inventory import parse
from tests.architecture.tree import ROOT
from tests.engine.targets.trees import portrait
from tests.flows.conftest import PrefectSide
from tests.flows.holding import HOSTS, at_work, let_go_once_all_work, slots_held
from tests.flows.house import MIB, House
from tests.flows.killing import CRASHED, kill_process
from tests.flows.running import (
    _run,
    artifacts,
    ask_for_retry,
    client,
    deployment_run,
    ended,
    message,
    run_here,
    run_here_again,
)
from tests.flows.test_lateness import LATE, due_five_hours_ago
from tests.flows.worker import Worker
from tests.waiting import until

SHARED = 6
ALL = {"inventory": "fleet", "deployments": [f"backup/fleet-{host}" for host in HOSTS]}

pytestmark = pytest.mark.timeout(600)
"""The first of these tests starts three workers, and each backup is a process of its own."""

_HOST = "  - {name: fleet-HOST, checkout: CHECKOUT}\n"
_REPOSITORY = (
    "  - {name: fleet-HOST, host: fleet-HOST, location: here, transport: local, key: fleet-backup, limit: 1}\n"
)
_ENTRY = """\
  - name: fleet-HOST
    system: test
    host: fleet-HOST
    source: fleet-HOST
    cui: false
    location: there
    repository: fleet-HOST
    allowed_age: 26h
"""


def inventory_text() -> str:
    def each(text: str) -> str:
        return "".join(text.replace("HOST", host).replace("CHECKOUT", str(ROOT)) for host in HOSTS)

    head = "name: fleet\ncontrol_host: fleet-alpha\n"
    return f"{head}hosts:\n{each(_HOST)}repositories:\n{each(_REPOSITORY)}entries:\n{each(_ENTRY)}"


@pytest.fixture(scope="module")
def workers(deployed: PrefectSide) -> dict[str, Worker]:
    """One a host, which `three` starts and stops."""
    return {
        host: Worker(
            f"fleet-{host}", deployed.directory, deployed.directory / f"worker-{host}.log", deployed.environment
        )
        for host in HOSTS
    }


@pytest.fixture(scope="module")
def three(workers: dict[str, Worker], tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Three hosts' blocks, deployments and workers; each source holds what all share and a file of its own."""
    house = House(tmp_path_factory.mktemp("fleet") / "house")
    root = house.root
    house.fill(SHARED)
    place = {"kind": "local"}
    common = {"keys": "fleet-backup", "ledger": "fleet", "store": "fleet-p", "host_secret": f"file:{root}/host.secret"}
    for host in HOSTS:
        shutil.copytree(house.source, root / host)
        (root / host / "own").write_bytes(host.encode() * MIB)
    register_documents(
        {
            "object_store": {
                "fleet-p": place | {"path": f"{root}/store"},
                "fleet-l": place | {"path": f"{root}/ledger"},
            },
            "ledger": {"fleet": {"store": "fleet-l"}},
            "key_provider": {"fleet-backup": {"providers": [f"file:{root}/public.pem"]}},
            "repository": {f"fleet-{host}": common | {"state": f"{root}/state-{host}"} for host in HOSTS},
            "source": {f"fleet-{host}": {"root": f"{root}/{host}"} for host in HOSTS},
        }
    )
    with client() as api:
        apply(api, plan(api, parse(inventory_text())))
    for worker in workers.values():
        worker.ensure()
    yield house
    for worker in workers.values():
        worker.stop()


def started_by(run: FlowRun) -> list[FlowRun]:
    """Runs that a fleet run started."""
    mine = FlowRunFilter(parent_flow_run_id=FlowRunFilterParentFlowRunId(any_=[run.id]))
    with client() as api:
        return api.read_flow_runs(flow_run_filter=mine)


def waited_for(run: FlowRun, attempt: int) -> set[str]:
    """Entries that an attempt of a fleet run waits for now."""
    mine = FlowRunFilter(id=FlowRunFilterId(any_=[run.id]))
    with client() as api:
        found = api.read_task_runs(flow_run_filter=mine)
    waiting = [each for each in found if each.flow_run_run_count == attempt and each.state_name == "Running"]
    return {each.name.rpartition("-")[2] for each in waiting}


def new_chunks(run: FlowRun) -> int:
    """Chunks that a backup stored, as its card says."""
    found = re.search(r"\| new \| .* in ([\d,]+) chunks", artifacts(run.id)["markdown"])
    assert found is not None
    return int(found[1].replace(",", ""))


def stored(root: Path) -> int:
    """Bytes of packs in the store."""
    return sum(path.stat().st_size for path in (root / "store" / "packs").rglob("*") if path.is_file())


def test_fleet_backs_up_three_hosts_at_once_names_who_failed_and_repeats_only_those(three: House) -> None:
    root = three.root
    first = run_here(fleet, {"inventory": "fleet", "deployments": ["backup/fleet-alpha"]})
    assert first.state_name == "Completed", message(first)
    assert ProcessMark.from_labels(first.labels) == ProcessMark.mine()
    before = stored(root)
    assert before > SHARED * MIB
    (root / "gamma").rename(root / "away")

    with let_go_once_all_work():
        run = run_here(fleet, ALL)

    assert run.state_name == "Failed"
    assert "1 of 3 entries failed: backup/fleet-gamma [entries-failed]" in message(run)
    started = started_by(run)
    assert sorted(each.state_name or "" for each in started) == ["Completed", "Completed", "Failed"]
    card = _card(run)
    assert "| backup/fleet-alpha | Completed in" in card
    assert "| backup/fleet-gamma | **Failed**: run " in card
    assert "[source-unavailable]" in card

    (root / "away").rename(root / "gamma")
    run = run_here_again(fleet, run)

    assert run.state_name == "Completed", message(run)
    assert len(started_by(run)) == len(HOSTS) + 1
    assert stored(root) - before < MIB  # what all share is there once, and `own` is a word repeated
    writers = {path.name for path in (root / "store" / "snapshots").glob("*/*")}
    assert len(writers) == len(HOSTS)


def test_three_hosts_that_store_the_same_at_once_restore_it_and_store_nothing_again(three: House) -> None:
    same = os.urandom(MIB)
    for host in HOSTS:
        (three.root / host / "same").write_bytes(same)
        (three.root / host / "new").write_bytes(os.urandom(MIB))

    with let_go_once_all_work():
        first = run_here(fleet, ALL)
    second = run_here(fleet, ALL)

    assert first.state_name == second.state_name == "Completed", (message(first), message(second))
    assert {run.state_name for run in started_by(first)} == {"Completed"}
    assert 0 not in {new_chunks(run) for run in started_by(first)}
    assert [new_chunks(run) for run in started_by(second)] == [0] * len(HOSTS)
    verified = run_here(verify, {"repository": "fleet-alpha", "read": 1.0})
    assert verified.state_name == "Completed", message(verified)
    assert [host for host in HOSTS if not _is_restored(three, host)] == []


@pytest.mark.usefixtures("three")
def test_retry_of_a_fleet_whose_process_died_waits_for_what_it_had_started(workers: dict[str, Worker]) -> None:
    crashes = workers["alpha"].count(*CRASHED)
    with slots_held() as let_go:
        run = deployment_run({}, "fleet/fleet")
        until(lambda: at_work() == len(HOSTS), "all three are at work at once")
        kill_process(run)
        crashed = ended(run.id)
        # Prefect's worker sets the run Crashed once more, when the hooks have ended; a retry before that would be hit.
        until(lambda: workers["alpha"].count(*CRASHED) > crashes, "the worker is done with the run")
        let_go("beta")
        until(lambda: at_work() == len(HOSTS) - 1, "one is done while nobody waits for it")

        ask_for_retry(run)
        until(lambda: waited_for(run, 2) >= {"alpha", "gamma"}, "the retry waits for the others")
        let_go("alpha", "gamma")
        run = ended(run.id, attempt=2)

    assert crashed.state_name == "Crashed"
    assert run.state_name == "Completed", message(run)
    started = started_by(run)
    assert [(each.state_name, each.run_count) for each in started] == [("Completed", 1)] * len(HOSTS)
    assert all(f"run `{each.id}`" in artifacts(run.id)["markdown"] for each in started)


@pytest.mark.usefixtures("three")
def test_entry_of_a_late_fleet_says_so_and_is_not_late_itself() -> None:
    parameters = {"inventory": "fleet", "deployments": ["backup/fleet-alpha"], "window_seconds": 60}

    run = _run(fleet, due_five_hours_ago(parameters, fleet), parameters)

    assert run.state_name == "Completed", message(run)
    assert LATE in artifacts(run.id)["markdown"]
    (card,) = (artifacts(entry.id)["markdown"] for entry in started_by(run))
    assert LATE.replace("started", "its fleet started") in card
    assert LATE not in card


@pytest.mark.soak  # two minutes: Prefect's server looks for them once in twenty seconds
@pytest.mark.usefixtures("three")
def test_cancelled_fleet_cancels_what_it_started() -> None:
    with slots_held():
        run = deployment_run({}, "fleet/fleet")
        until(lambda: at_work() == len(HOSTS), "all three are at work at once")

        with client() as api:
            api.set_flow_run_state(run.id, Cancelling())
        states = [ended(each.id).state_name for each in (run, *started_by(run))]

    assert states == ["Cancelled"] * (1 + len(HOSTS))


def _card(run: FlowRun) -> str:
    """The table of the run, which its failure's card follows."""
    with client() as api:
        found = api.read_artifacts(artifact_filter=ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[run.id])))
    assert "entries-failed" in artifacts(run.id)["markdown"]
    return next(str(each.data) for each in found if "| backup/fleet-alpha |" in str(each.data))


def _is_restored(house: House, host: str) -> bool:
    """Whether the host's newest snapshot is its source, bit for bit."""
    block = load_block(Repository, f"fleet-{host}")
    assert block.state == f"{house.root}/state-{host}"
    target = house.root / f"restored-{host}"
    parameters = {"repository": f"fleet-{host}", "keys": house.name, "target": str(target), "entry": f"fleet-{host}"}
    run = run_here(restore, parameters)
    assert run.state_name == "Completed", message(run)
    return portrait(target) == portrait(house.root / host)
