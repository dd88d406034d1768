"""kill -9 at every enumerated step of a backup that Prefect runs: of the run alone, and together with its worker.

`pytest -m soak tests/flows/test_killed_at_every_step.py -k "alone and 17"` is one of them.
"""

from signal import SIGKILL

import pytest
from prefect.client.schemas.objects import FlowRun

from flows.backup import backup
from flows.reconcile import reconcile
from tests.faults.left import assert_listed_and_removable, assert_nothing_left, journaled
from tests.flows.aftermath import assert_nothing_was_sealed_twice, assert_restored, visible
from tests.flows.conftest import PrefectSide
from tests.flows.house import House
from tests.flows.killable import ITSELF, Fuse
from tests.flows.killing import CRASHED, KILLABLE, assert_reconciled, deploy_killable, process_of
from tests.flows.running import client, deployment_run, ended, message, run_here_again
from tests.flows.worker import Worker
from tests.steps import unwatched
from tests.waiting import until

LEAST_STEPS, MOST_STEPS = 100, 140
"""How many a run has, which differs a little with the order of its threads: every one is tried."""

pytestmark = [pytest.mark.soak, pytest.mark.timeout(600)]


@pytest.fixture
def fuse(deployed: PrefectSide) -> Fuse:
    """Read by runs of a deployment whose flow is the backup in a process that can be killed."""
    return deploy_killable(deployed.directory)


def killable_run(house: House) -> FlowRun:
    house.fill(3)
    return deployment_run(house.parameters(pack_size=1 << 20), KILLABLE)


def is_over(run: FlowRun) -> bool:
    with client() as api:
        state = api.read_flow_run(run.id).state
    return state is not None and state.is_final()


def assert_commits_when_retried(house: House, run: FlowRun, step: str) -> None:
    """What is sealed stays as it is, what arrived is not sent again, and the snapshot holds the source.

    Retried in this process, which has loaded everything: that a worker takes it again shows in `test_killed.py`.
    """
    before, seen = journaled(house.state, run.id.bytes), visible(house)
    if not seen:
        assert_listed_and_removable(house.state, run.id.bytes)
    run = run_here_again(backup, run)

    assert run.state_name == "Completed", f"{step}: {message(run)}"
    assert seen in ([], [run.id.bytes]), step
    assert visible(house) == [run.id.bytes], step
    after = {pack.id: pack for pack in journaled(house.state, run.id.bytes)}
    assert [after[pack.id].sha256 for pack in before] == [pack.sha256 for pack in before], step
    assert all(after[pack.id].sent == pack.sent for pack in before if pack.sent is not None), step
    assert_nothing_was_sealed_twice(house, run)
    assert_nothing_left(house.state)
    assert_restored(house)


def went_out(fuse: Fuse, step: int, run: FlowRun) -> bool:
    """Whether the run was over before this step; then its log is of a whole backup, so that no step was lost to it."""
    told = fuse.steps()
    if not fuse.is_set:
        assert len(told) == step, "the run died at another step"
        assert step < MOST_STEPS, "the run may have more steps than were tried"
        return False
    run = ended(run.id)
    assert run.state_name == "Completed", message(run)
    assert unwatched(told) == [], told
    assert LEAST_STEPS <= len(told) < step
    return True


@pytest.mark.parametrize("step", range(1, MOST_STEPS + 1))
def test_run_killed_alone_commits_when_retried(step: int, fuse: Fuse, house: House, worker: Worker) -> None:
    crashes = worker.count(*CRASHED)
    fuse.set(step, {ITSELF: SIGKILL})
    run = ended(killable_run(house).id)
    if went_out(fuse, step, run):
        return
    # Prefect's worker sets the run Crashed once more, when the hooks have ended; a retry before that would be hit.
    until(lambda: worker.count(*CRASHED) > crashes, "the worker is done with the run")

    assert_reconciled(run, KILLABLE)
    assert_commits_when_retried(house, run, fuse.steps()[-1])


@pytest.mark.parametrize("step", range(1, MOST_STEPS + 1))
def test_run_killed_with_its_worker_commits_when_retried(step: int, fuse: Fuse, house: House, worker: Worker) -> None:
    fuse.set(step, {worker.pid: SIGKILL, ITSELF: SIGKILL})
    run = killable_run(house)
    until(lambda: not fuse.is_set or is_over(run), "the run is killed or over")
    if went_out(fuse, step, run):
        return
    worker.kill()
    until(process_of(run).is_dead, "the process is gone")

    reconcile()

    assert_reconciled(run, KILLABLE)
    assert_commits_when_retried(house, run, fuse.steps()[-1])
