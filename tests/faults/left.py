"""What `proofkeep status` lists as left over on a host, and what its commands make of that."""

import shutil
import time
from contextlib import closing, suppress
from pathlib import Path

from proofkeep.backup.adopt import LeftRun
from proofkeep.backup.resume import Resumed, resumable, resume
from proofkeep.errors import StateFullError
from proofkeep.history import History
from proofkeep.journal import Journal, JournalPack
from proofkeep.state import RepositoryState
from proofkeep.status import judge
from proofkeep.unfinished import UnfinishedRun, abandon
from tests.building import Host


def journaled(root: Path, run: bytes) -> list[JournalPack]:
    """Packs that a run has sealed, by the host's state directory; none before it has a journal."""
    with suppress(StateFullError):  # its tables found no room: it has sealed nothing
        for file in root.glob(f"*/runs/{run.hex()}/journal.sqlite"):
            with closing(Journal(file, briefly=True)) as journal:
                return list(journal.packs())
    return []


def listed(root: Path) -> dict[str, UnfinishedRun]:
    """By run, as the status has them; it judges nothing else here, no entry being known."""
    with History(root, briefly=True) as history:
        return {run.run: run for run in judge(root, history, [], {}, time.time_ns()).left}


def spooled(root: Path) -> int:
    """Bytes in the spools of all runs."""
    return sum(file.stat().st_size for file in root.glob("*/runs/*/spool/*"))


def resumed(host: Host) -> list[Resumed]:
    """What `resume-transfers` does, over a line that is whole."""
    done = []
    for left in resumable(host.state):
        identity, repository = host.backup().identity, host.ground.connect()
        state = RepositoryState(host.state_root, repository.id)
        with LeftRun(repository, state, left, identity, host.options, clock=host.ground.now) as opened:
            done.append(resume(opened))
    return done


def assert_listed_and_removable(root: Path, run: bytes) -> None:
    """What a run has sealed that did not commit is in the status, all of it, and goes by the command that this names.

    On a copy of the host's state, so that the host can go on: nothing is listed, and the spool is free.
    """
    if not (packs := journaled(root, run)):
        assert bool(listed(root)) == bool(spooled(root)), "a pack that had begun to grow, or nothing"
        return
    (left,) = listed(root).values()
    assert left.run == run.hex()
    assert left.ended or left.waiting + left.stored == len(packs)
    assert left.spool_bytes == spooled(root)
    aside = root.with_name(f"{root.name}-aside")
    shutil.copytree(root, aside)
    abandon(aside, run.hex())
    assert_nothing_left(aside)
    shutil.rmtree(aside)


def assert_nothing_left(root: Path) -> None:
    """Neither in the status nor in a spool."""
    assert (listed(root), spooled(root)) == ({}, 0), "nothing is left over"
