"""What a run leaves that a fault ended: `status` lists it, and `resume-transfers` sends and commits it."""

import shutil
from collections.abc import Callable

import pytest

from tests.building import Host
from tests.faults.left import listed, resumed, spooled
from tests.faults.proxy import FaultProxy
from tests.faults.script import FOR_EVER, Fault, Rule
from tests.faults.surviving import RUN, attempt


@pytest.mark.parametrize("kind", ["PUT packs", "HEAD packs", "PUT index", "PUT ledger", "PUT snapshots"])
def test_what_a_fault_left_is_listed_and_committed_by_resume_without_the_source(
    kind: str, make_host: Callable[[], Host], line: FaultProxy
) -> None:
    host = make_host()
    before = host.portrait()
    line.play(Rule(Fault.STATUS, kind, times=FOR_EVER))
    assert attempt(host, line).snapshot is None
    left = listed(host)
    shutil.rmtree(host.source)

    (done,) = resumed(host)

    assert list(left) == [RUN.hex()]
    assert left[RUN.hex()].ended
    assert done.committed is not None
    assert host.ground.restored(done.committed.snapshot)[0] == before
    assert (listed(host), spooled(host)) == ({}, 0)
