"""What a run leaves that a fault ended: `status` lists it, and `resume-transfers` sends and commits it."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from proofkeep.format.names import PACKS
from tests.building import Host, grown_host
from tests.faults.left import assert_listed_and_removable, assert_nothing_left, journaled, listed, resumed
from tests.faults.proxy import FaultProxy
from tests.faults.script import FOR_EVER, Fault, Rule
from tests.faults.surviving import RUN, attempt
from tests.scenarios.test_killed import killed


@pytest.mark.parametrize("kind", ["PUT packs", "HEAD packs", "PUT index", "PUT ledger", "PUT snapshots"])
def test_what_a_fault_left_is_listed_and_committed_by_resume_without_the_source(
    kind: str, make_host: Callable[[], Host], line: FaultProxy
) -> None:
    host = make_host()
    before = host.portrait()
    line.play(Rule(Fault.STATUS, kind, times=FOR_EVER))
    assert attempt(host, line).snapshot is None
    left = listed(host.state_root)
    shutil.rmtree(host.source)

    (done,) = resumed(host)

    assert list(left) == [RUN.hex()]
    assert left[RUN.hex()].ended
    assert done.committed is not None
    assert host.ground.restored(done.committed.snapshot)[0] == before
    assert_nothing_left(host.state_root)


def test_what_a_run_left_that_was_killed_while_it_sealed_is_listed_and_sent_by_resume(scratch: Path) -> None:
    host = grown_host(scratch)
    killed(host, RUN, "Journal.add_pack 3")
    sealed = {pack.id.name for pack in journaled(host.state_root, RUN)}
    left = listed(host.state_root)

    assert_listed_and_removable(host.state_root, RUN)
    (done,) = resumed(host)

    assert list(left) == [RUN.hex()]
    assert not left[RUN.hex()].ended
    assert left[RUN.hex()].waiting + left[RUN.hex()].stored == len(sealed) == 2
    assert done.committed is None
    assert sealed <= set(host.ground.names(PACKS))
    assert_nothing_left(host.state_root)
