import io
import json
import os
import subprocess
import sys
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import pytest
from prefect.client.schemas.objects import FlowRun
from prefect.flows import Flow
from prefect.states import Cancelling, Running

from flows import command
from flows.backup import backup
from flows.drill import restore_drill
from flows.host import ProcessMark
from flows.reconcile import reconcile
from flows.restore import restore
from flows.spot_check import spot_check
from flows.verify import verify
from proofkeep.cli.command import Context, Parser
from proofkeep.cli.exits import Exit
from proofkeep.cli.interruption import Interruption
from proofkeep.cli.report import Report
from tests.architecture.tree import ROOT
from tests.flows.conftest import PrefectSide
from tests.flows.house import House
from tests.flows.running import client, run_here

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

    assert {run.id for run in done} == {running, cancelling}
    for run_id in (running, cancelling):
        state = now(run_id).state
        assert state is not None
        assert (state.name, state.message) == ("Crashed", f"process {process.pid} of host {process.host} is gone")


@pytest.mark.usefixtures("prefect")
def test_run_of_an_earlier_boot_is_dead_whatever_has_its_number_now() -> None:
    run_id = run_of(replace(ProcessMark.mine(), boot=str(uuid4())))

    assert [run.id for run in reconcile()] == [run_id]


@pytest.mark.usefixtures("prefect")
def test_number_taken_by_another_process_does_not_keep_a_run_alive() -> None:
    run_id = run_of(replace(ProcessMark.mine(), started=1))

    assert [run.id for run in reconcile()] == [run_id]


def test_living_foreign_and_unmarked_runs_are_left_alone(prefect: PrefectSide) -> None:
    assert prefect.directory.is_dir()
    elsewhere = replace(ended_process(), host="elsewhere.example")
    runs = [run_of(ProcessMark.mine()), run_of(elsewhere), run_of(None)]

    done = reconcile()

    assert done == []
    assert [now(run_id).state_name for run_id in runs] == ["Running"] * len(runs)


@pytest.mark.usefixtures("prefect")
def test_reconciling_twice_finds_nothing_the_second_time() -> None:
    run_of(ended_process())

    assert len(reconcile()) == 1
    assert reconcile() == []


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
    flow: Flow[..., Any], parameters: dict[str, Any], house: House
) -> None:
    run = run_here(flow, {"repository": house.name} | parameters)

    assert ProcessMark.from_labels(run.labels) == ProcessMark.mine()


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


@pytest.mark.usefixtures("prefect")
def test_command_tells_what_it_did() -> None:
    run_id = run_of(process := ended_process())

    code, told = reconcile_command()

    assert code is Exit.OK
    assert [(run["flow_run"], run["pid"]) for run in told["result"]["crashed"]] == [(str(run_id), process.pid)]


def test_command_is_offered_without_importing_prefect() -> None:
    question = "import sys, flows.command; print('prefect' in sys.modules)"

    answer = subprocess.run([sys.executable, "-c", question], cwd=ROOT, capture_output=True, text=True, check=True)

    assert answer.stdout == "False\n"


@pytest.mark.parametrize("package", ["flows.backup", "infra.register_blocks"])
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
