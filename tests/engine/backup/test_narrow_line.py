"""A store at the end of a narrow line: a run is cancelled in the middle of a pack, and goes on from there."""

import threading
from pathlib import Path
from typing import Any

import pytest

from proofkeep.chunking import ChunkSizes
from proofkeep.errors import CancelledError
from proofkeep.model import Placed
from proofkeep.ports import Body, ObjectStore, Watch, unwatched
from proofkeep.stores.bandwidth import Bandwidth, paced
from proofkeep.stores.bodies import stream
from tests.building import Ground, Host, content, plant
from tests.decorating import WatchedStore

RUN = bytes(range(16))


class NarrowStore(WatchedStore):
    """Packs are sent through `bandwidth`, and stored when all of one has arrived."""

    def __init__(self, inner: ObjectStore, bandwidth: Bandwidth) -> None:
        super().__init__(inner, lambda _operation, _name, call: call())
        self.bandwidth = bandwidth
        self.arrived = 0

    def put(self, name: str, body: Body, *, watch: Watch = unwatched, **how: Any) -> Placed:
        if not name.startswith("packs/"):
            return super().put(name, body, **how)
        received = bytearray()
        with stream(body, name) as content:
            sent = paced(content, self.bandwidth, watch)
            assert not isinstance(sent, bytes)
            while part := sent.read(4096):
                received += part
                self.arrived += len(part)
        return super().put(name, bytes(received), **how)


@pytest.fixture
def host(scratch: Path) -> Host:
    host = Host(Ground(scratch / "ground", ChunkSizes(1 << 10, 4 << 10, 16 << 10)))
    plant(host.source, {"noise": content(1, 120_000)})
    return host


def test_cancelled_run_stops_within_a_pack_and_sends_it_later(host: Host) -> None:
    cancelled, now = threading.Event(), [0.0]

    def sleep(seconds: float) -> None:
        now[0] += seconds
        if now[0] > 1:
            cancelled.set()

    narrow = NarrowStore(host.ground.store, Bandwidth(20_000, clock=lambda: now[0], sleep=sleep))
    pack_size = 64 << 10
    repository = host.ground.connect(store=narrow)

    with pytest.raises(CancelledError):
        host.run(RUN, repository=repository, cancelled=cancelled.is_set, pack_size=pack_size)

    assert 0 < narrow.arrived < pack_size
    assert host.ground.names("snapshots/") == []
    with host.backup(RUN) as resumed:
        assert {pack.failures for pack in resumed.journal.packs()} == {0}
    receipt = host.run(RUN)
    assert host.ground.read_back(receipt.snapshot) == host.portrait()
