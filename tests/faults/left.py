"""What `proofkeep status` lists as left over on a host, and what its commands make of that."""

import shutil
import time

from proofkeep.backup.adopt import LeftRun
from proofkeep.backup.resume import Resumed, resumable, resume
from proofkeep.history import History
from proofkeep.state import RepositoryState
from proofkeep.status import judge
from proofkeep.unfinished import UnfinishedRun, abandon
from tests.building import Host


def listed(host: Host) -> dict[str, UnfinishedRun]:
    """By run, as the status has them; it judges nothing else here, no entry being known."""
    with History(host.state_root, briefly=True) as history:
        return {run.run: run for run in judge(host.state_root, history, [], {}, time.time_ns()).left}


def spooled(host: Host) -> int:
    """Bytes in the spools of all runs."""
    return sum(file.stat().st_size for file in host.state_root.glob("*/runs/*/spool/*"))


def resumed(host: Host) -> list[Resumed]:
    """What `resume-transfers` does, over a line that is whole."""
    done = []
    for left in resumable(host.state):
        identity, repository = host.backup().identity, host.ground.connect()
        state = RepositoryState(host.state_root, repository.id)
        with LeftRun(repository, state, left, identity, host.options, clock=host.ground.now) as opened:
            done.append(resume(opened))
    return done


def assert_abandon_removes(host: Host, run: bytes) -> None:
    """On a copy of the host's state, so that the host can go on: nothing is listed, and the spool is free."""
    aside = Host(host.ground, f"{host.name}-aside")
    shutil.copytree(host.state_root, aside.state_root)
    abandon(aside.state_root, run.hex())
    assert (listed(aside), spooled(aside)) == ({}, 0)
    shutil.rmtree(aside.state_root)
