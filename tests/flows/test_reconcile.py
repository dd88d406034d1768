import io
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from prefect.client.schemas.objects import ConcurrencyLeaseHolder, FlowRun
from prefect.flows import Flow
from prefect.states import Cancelling, Crashed, Running

from flows import command
from flows.backup import backup
from flows.drill import restore_drill
from flows.host import ProcessMark
from flows.limits import LEASE
from flows.lost_host import write_off
from flows.reconcile import Reconciliation, reconcile
from flows.restore import restore
from flows.scratch import sweep_when_crashed
from flows.spot_check import spot_check
from flows.verify import verify
from infra.servers.process import clean_environment
from proofkeep.cli.command import Context, Parser
from proofkeep.cli.exits import Exit
from proofkeep.cli.interruption import Interruption
from proofkeep.cli.report import Report
from proofkeep.configuration.identity import host_name
from proofkeep.drill.plan import SHARED_MEMORY
from proofkeep.drill.private import PREFIX
from tasks.backup import upload
from tests.architecture.tree import ROOT
from tests.flows.conftest import PrefectSide
from tests.flows.house import House
from tests.flows.running import artifacts, client, run_here, taken

NO_TIME = timedelta()
NOTHING = Reconciliation([], [])
GONE = "gone.example"
QUIET = {"DO_NOT_TRACK", "PREFECT_SERVER_ANALYTICS_ENABLED"}


def run_of(process: ProcessMark | None, *, cancelling: bool = False) -> UUID:
    """A run that looks under way and says that `process` works on it."""
    with client() as api:
        run = api.create_flow_run(backup, parameters={}, state=Running())
        if process is not None:
            api.update_flow_run_labels(run.id, process.labels())
        if cancelling:
            api.set_flow_run_state(run.id, Cancelling(), force=True)
        return run.id


def now(run_id: UUID) -> FlowRun:
    with client() as api:
        return api.read_flow_run(run_id)


def ended_process() -> ProcessMark:
    """A process of this host that has ended, its number perhaps taken by another one already."""
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    mark = replace(ProcessMark.mine(), pid=child.pid)
    child.communicate()
    return mark


@pytest.mark.usefixtures("prefect")
def test_dead_run_of_this_host_is_crashed_and_says_why() -> None:
    process = ended_process()
    running, cancelling = run_of(process), run_of(process, cancelling=True)

    done = reconcile()

    assert {run.id for run in done.crashed} == {running, cancelling}
    for run_id in (running, cancelling):
        state = now(run_id).state
        assert state is not None
        assert state.name == "Crashed"
        assert "**killed process** (`process-gone`" in artifacts(run_id)["markdown"]
        assert (state.message or "").startswith(
            f"process {process.pid} of host {process.host} is gone [process-gone]. "
        )


@pytest.mark.usefixtures("prefect")
def test_run_of_an_earlier_boot_is_dead_whatever_has_its_number_now() -> None:
    run_id = run_of(replace(ProcessMark.mine(), boot=str(uuid4())))

    assert [run.id for run in reconcile().crashed] == [run_id]


@pytest.mark.usefixtures("prefect")
def test_number_taken_by_another_process_does_not_keep_a_run_alive() -> None:
    run_id = run_of(replace(ProcessMark.mine(), started=1))

    assert [run.id for run in reconcile().crashed] == [run_id]


def test_living_foreign_and_unmarked_runs_are_left_alone(prefect: PrefectSide) -> None:
    assert prefect.directory.is_dir()
    elsewhere = replace(ended_process(), host="elsewhere.example")
    runs = [run_of(ProcessMark.mine()), run_of(elsewhere), run_of(None)]

    done = reconcile()

    assert done.crashed == []
    assert [now(run_id).state_name for run_id in runs] == ["Running"] * len(runs)


@pytest.mark.usefixtures("prefect")
def test_reconciling_twice_finds_nothing_the_second_time() -> None:
    run_id = run_of(ended_process())

    assert run_id in {run.id for run in reconcile(settled=NO_TIME).crashed}
    assert reconcile(settled=NO_TIME) == NOTHING


@pytest.mark.parametrize(
    "flow,parameters",
    [
        (backup, {"entry": "home", "source": "nowhere"}),
        (verify, {}),
        (restore, {"target": "/nowhere"}),
        (restore_drill, {}),
        (spot_check, {"entry": "home", "source": "nowhere", "questions": []}),
    ],
    ids=lambda part: part.name if isinstance(part, Flow) else "",
)
def test_run_of_any_flow_says_which_process_works_on_it(
    flow: Flow[..., Any], parameters: dict[str, Any], shared_house: House
) -> None:
    run = run_here(flow, {"repository": shared_house.name} | parameters)

    assert ProcessMark.from_labels(run.labels) == ProcessMark.mine()


def hold_slot(run_id: UUID) -> str:
    """Name of a limit of which the run holds a slot, as that of its repository."""
    name = f"limit-{uuid4()}"
    holder = ConcurrencyLeaseHolder(type="flow_run", id=run_id)
    with client() as api:
        api.upsert_global_concurrency_limit_by_name(name, 1)
        held = api.increment_concurrency_slots_with_lease([name], 1, "concurrency", 300, holder)
        api.update_flow_run_labels(run_id, {LEASE: held.json()["lease_id"]})
    assert taken(name) == 1
    return name


@pytest.mark.usefixtures("prefect")
@pytest.mark.parametrize(
    "host,end", [(host_name(), reconcile), (GONE, partial(write_off, GONE, timedelta(seconds=-10)))]
)
def test_slots_of_a_dead_task_run_come_free_before_their_lease_ends(host: str, end: Callable[[], object]) -> None:
    tag = f"limited-{uuid4()}"
    run_id = run_of(replace(ended_process(), host=host))
    with client() as api:
        api.create_concurrency_limit(tag=tag, concurrency_limit=2)
        task_run = api.create_task_run(upload, run_id, "0", extra_tags=[tag], state=Running())
        holder = ConcurrencyLeaseHolder(type="task_run", id=task_run.id)
        other = ConcurrencyLeaseHolder(type="task_run", id=uuid4())
        for each in (holder, other):
            api.increment_concurrency_slots_with_lease([f"tag:{tag}"], 1, "concurrency", 300, each)
        limit = hold_slot(run_id)
        assert set(api.read_concurrency_limit_by_tag(tag).active_slots) == {task_run.id, other.id}

    end()

    with client() as api:
        assert api.read_concurrency_limit_by_tag(tag).active_slots == [other.id]
        assert api.read_global_concurrency_limit_by_name(f"tag:{tag}").active_slots == 1
    assert taken(limit) == 0


@pytest.fixture
def left_behind() -> Iterator[Path]:
    """A tmpfs in which a killed drill left a file."""
    memory = Path(tempfile.mkdtemp(prefix="proofkeep-test-", dir=SHARED_MEMORY))
    scratch = memory / f"{PREFIX}killed"
    scratch.mkdir()
    (scratch / "file").write_bytes(b"plaintext")
    yield memory
    shutil.rmtree(memory)


@pytest.mark.usefixtures("prefect")
def test_plaintext_of_a_drill_that_died_with_its_worker_is_removed(left_behind: Path) -> None:
    with client() as api:
        run = api.create_flow_run(restore_drill, parameters={"options": {"tmpfs": str(left_behind)}}, state=Running())
        api.update_flow_run_labels(run.id, ended_process().labels())

    reconcile()

    assert list(left_behind.iterdir()) == []


@pytest.mark.usefixtures("prefect")
def test_plaintext_of_a_drill_that_crashed_is_removed_by_its_worker(left_behind: Path) -> None:
    with client() as api:
        run = api.create_flow_run(restore_drill, parameters={"options": {"tmpfs": str(left_behind)}})

    for hook in restore_drill.on_crashed_hooks:
        hook(restore_drill, run, Crashed())

    assert list(left_behind.iterdir()) == []
    assert sweep_when_crashed not in backup.on_crashed_hooks


@pytest.mark.parametrize(
    "url,words,code",
    [
        (None, "no prefect server is named: PREFECT_API_URL is not set [usage]", Exit.USAGE),
        ("http://127.0.0.1:9/api", "127.0.0.1 does not answer (ConnectError) [server-unavailable]", Exit.ERROR),
    ],
)
@pytest.mark.parametrize("command", [["proofkeep", "reconcile"], ["python", "-m", "infra.register_blocks"]], ids=len)
def test_command_without_a_server_says_so_and_asks_no_other_one(
    command: list[str], url: str | None, words: str, code: Exit, tmp_path: Path
) -> None:
    program, *arguments = command
    named = {} if url is None else {"PREFECT_API_URL": url}

    ended = subprocess.run(
        [Path(sys.executable).with_name(program), *arguments],
        cwd=ROOT,
        env=clean_environment({"PREFECT_HOME": str(tmp_path), "PREFECT_CLIENT_MAX_RETRIES": "0", **named}),
        capture_output=True,
        text=True,
        check=False,
    )

    assert ended.returncode == code
    assert words in ended.stderr
    assert ended.stdout == ""
    assert not (tmp_path / "prefect.db").exists()


def reconcile_command(*arguments: str) -> tuple[Exit, dict[str, Any]]:
    """How `proofkeep reconcile` ends and what it prints for scripts."""
    parser = Parser(prog="proofkeep")
    command.add(parser.add_subparsers())
    options = parser.parse_args(["reconcile", "--json", *arguments])
    out = io.StringIO()
    report = Report("reconcile", as_json=True, out=out)
    code = options.command(Context(options, report, Interruption()))
    report.end(code, None)
    return code, json.loads(out.getvalue())


def test_command_tells_what_it_did(prefect: PrefectSide) -> None:
    run_id = run_of(process := ended_process())

    code, told = reconcile_command()

    assert code is Exit.OK
    assert [event["state"] for event in prefect.told(now(run_id), "flow-run-reconcile")] == ["Crashed"]
    assert [(run["flow_run"], run["pid"]) for run in told["result"]["crashed"]] == [(str(run_id), process.pid)]


def test_command_is_offered_without_importing_prefect() -> None:
    question = "import sys, flows.command; print('prefect' in sys.modules)"

    answer = subprocess.run([sys.executable, "-c", question], cwd=ROOT, capture_output=True, text=True, check=True)

    assert answer.stdout == "False\n"


@pytest.mark.parametrize("package", ["flows.backup", "tasks.backup", "blocks", "infra.register_blocks"])
def test_prefect_sends_no_telemetry_wherever_we_import_it(package: str) -> None:
    question = (
        f"import {package}; from prefect._internal.analytics import is_telemetry_enabled as enabled;"
        "from prefect.settings import PREFECT_SERVER_ANALYTICS_ENABLED as server; print(enabled(), server.value())"
    )
    environment = {name: value for name, value in os.environ.items() if name not in QUIET}

    answer = subprocess.run(
        [sys.executable, "-c", question], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )

    assert answer.stdout == "False False\n"
